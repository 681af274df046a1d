"""Which folders are runs, and the states of those without results."""

import json
from pathlib import Path

import pytest
from made_runs import made

from modrobust.errors import UserError
from modrobust.report.read.find import find


def states(folder: Path) -> dict[str, str]:
    return {one.run.name: one.state for one in find([folder])[1]}


def test_runs_are_found_once_whatever_folders_are_named(tmp_path: Path) -> None:
    run = made(tmp_path / "digits" / "seed0", {"A": 90})
    made(run / "features" / "inside", {"A": 90})  # nothing inside a run is one
    made(tmp_path / ".hidden", {"A": 90})
    part = tmp_path / "parts" / "classifier"
    part.mkdir(parents=True)
    for name in ("depends.json", "status.json"):
        (part / name).write_text("{}")
    assert find([tmp_path, run]) == ([run], [])


def test_of_an_output_folder_only_the_runs_are_read(tmp_path: Path) -> None:
    run = made(tmp_path / "outputs" / "runs" / "digits" / "seed0", {"A": 90})
    made(tmp_path / "outputs" / "tasks" / "digits" / "seed0", {})
    assert find([tmp_path]) == ([run], [])


def test_runs_without_results_have_their_states(tmp_path: Path) -> None:
    for state in ("running", "failed", "preempted", "done"):
        made(tmp_path / state, {}, state=state)
    (tmp_path / "queued").mkdir()
    (tmp_path / "queued" / "status.json").write_text('{"state": "queued"}')
    assert states(tmp_path) == {
        **{"running": "running", "failed": "failed", "preempted": "preempted"},
        **{"done": "done, not tested", "queued": "lost"},  # nothing says that it still waits
    }


def test_a_run_in_shares_tells_how_many_are_done(tmp_path: Path) -> None:
    made(tmp_path / "seed0" / "shard-1of8", {"A": 90})
    made(tmp_path / "seed0" / "shard-3of8", {}, state="running")
    assert states(tmp_path) == {"seed0": "1 of 8 shares done"}


def test_without_slurm_the_files_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    made(tmp_path / "seed0", {}, state="running")
    index = tmp_path / ".submitit" / "index"
    index.mkdir(parents=True)
    (index / "7.json").write_text(json.dumps({"submitted": 1.0, "jobs": {"7": ["seed0"]}}))
    assert states(tmp_path) == {"seed0": "running"}


@pytest.mark.parametrize(("name", "message"), [("none", "is not a folder"), ("empty", "holds no run")])
def test_folders_without_runs(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        find([tmp_path / name])
