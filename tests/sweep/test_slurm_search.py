"""search=tpe on a real Slurm: workers share a journal; one that is killed goes on with its trial."""

from pathlib import Path

import pandas as pd
import pytest
from sweeps import SLURM, TINY, Modrobust, ask, queue, until

pytest.importorskip("optuna")
pytestmark = pytest.mark.usefixtures("slurm")


def test_workers_share_the_trials_and_a_cancelled_one_goes_on(modrobust: Modrobust, tmp_path: Path) -> None:
    sweep = ("-m", "search=tpe", *TINY, "training.epochs=60", "search.trials=5", "search.workers=2", *SLURM)
    assert modrobust(*sweep, "hydra.launcher.wait=false").returncode == 0
    until(lambda: "RUNNING" in queue().values())
    until(lambda: any(tmp_path.glob("outputs/parts/boolean/*/depends.json")))
    for job in queue():
        ask("scancel", job)
    until(lambda: not queue())
    ended = modrobust(*sweep)
    assert ended.returncode == 0, ended.stderr
    (file,) = tmp_path.rglob("trials.csv")
    trials = pd.read_csv(file)
    assert len(trials) == 5 and set(trials["state"]) == {"done"} and trials["chosen"].sum() == 1
    assert modrobust("--status", module="modrobust.report").stdout == "outputs/runs: 5 done\n"
    assert modrobust("--best", module="modrobust.report").returncode == 0
    assert (tmp_path / "conf/recipe/boolean_supervised.yaml").read_text().count("5 configurations tried") == 1
