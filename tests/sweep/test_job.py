"""What runs within a job, without one."""

import json
from pathlib import Path
from typing import cast

import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.config_loader import ConfigLoader
from hydra.types import HydraContext
from omegaconf import DictConfig

from modrobust.store.provenance import code_version
from modrobust.sweep.job import Job
from modrobust.sweep.plan import Planned

CONTEXT = HydraContext(cast(ConfigLoader, None), Callbacks())


def test_code_that_has_changed_since_the_submission_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    now = code_version()
    if "git_commit" not in now:
        pytest.skip("this is no git checkout")
    Job([], CONTEXT, now)()
    assert capsys.readouterr().err == ""
    Job([], CONTEXT, {**now, "git_commit": "0" * 40, "git_dirty": True})()
    assert f"the code has changed since the submission: then {'0' * 40} with changes, now" in capsys.readouterr().err


def test_a_run_whose_folder_was_removed_before_it_began_is_not_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    assert Job([Planned(("seed=0",), gone, {}, DictConfig({}))], CONTEXT)() == [str(gone)]
    assert "was removed or moved after its submission" in capsys.readouterr().err and not gone.exists()


def test_what_fails_before_a_run_takes_its_folder_is_in_its_status_and_in_a_log(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    assert Job([Planned(("seed=0",), tmp_path, {}, DictConfig({}))], CONTEXT)() == [str(tmp_path)]
    status = json.loads((tmp_path / "status.json").read_text(encoding="utf-8"))
    assert status["state"] == "failed" and status["error"]
    assert "Traceback" in (tmp_path / "run.log").read_text(encoding="utf-8")
