"""Launchers of other packages, Hydra's own plug-ins, work into the same folders."""

import json
import os
from pathlib import Path

import pytest
from in_process import modrobust

TINY = ("dataset=boolean", "training.epochs=2", "threads=1", "device=cpu")


def test_joblib_does_runs_in_a_process_of_its_own_and_one_that_fails_is_told(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="pip install hydra-joblib-launcher")
    rates = "method.lr.dense=0.1,1e30"  # the second diverges
    one_process = ("hydra.launcher.n_jobs=2", "hydra.launcher.batch_size=2")  # which imports torch once
    ended = modrobust(tmp_path, "-m", *TINY, rates, "hydra/launcher=joblib", *one_process)
    told = [json.loads(file.read_text()) for file in tmp_path.glob("outputs/runs/*/*/*/status.json")]
    assert sorted(status["state"] for status in told) == ["done", "failed"]
    assert os.getpid() not in {status["pid"] for status in told}
    assert ended.code == 1 and "the validation loss is nan" in ended.err
    (done,) = tmp_path.glob("outputs/runs/*/*/*/results.csv")
    before = done.read_bytes()
    assert modrobust(tmp_path, *TINY, "method.lr.dense=0.1", "paths.outputs=alone").code == 0
    (alone,) = tmp_path.glob("alone/runs/*/*/*/results.csv")
    assert alone.read_bytes() == before and alone.parent.name == done.parent.name
