"""Which folders are runs, and the states of those without results."""

import json
import os
from pathlib import Path
from typing import Any

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


def test_runs_behind_links_are_found_once(tmp_path: Path) -> None:
    run = made(tmp_path / "scratch" / "digits" / "seed0", {"A": 90})
    runs = tmp_path / "outputs" / "runs"
    runs.mkdir(parents=True)
    (runs / "digits").symlink_to(tmp_path / "scratch" / "digits")
    (runs / "again").symlink_to(tmp_path / "scratch" / "digits")
    (runs / "above").symlink_to(tmp_path / "outputs")  # a circle
    (runs / "gone").symlink_to(tmp_path / "nowhere")
    (found,), without = find([tmp_path / "outputs"])
    assert found.samefile(run) and found.is_relative_to(runs) and without == []
    assert find([runs / "digits"])[0] == [runs / "digits" / "seed0"]


def test_a_folder_has_its_own_name_where_a_link_leads_there_too(tmp_path: Path) -> None:
    run = made(tmp_path / "seed0", {"A": 90})
    (tmp_path / "best").symlink_to(run)
    assert find([tmp_path]) == ([run], [])


def test_a_folder_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(tmp_path / "open" / "seed0", {"A": 90})
    made(tmp_path / "shut" / "seed1", {"A": 90})
    listed = os.scandir

    def scandir(path: str) -> Any:  # root may list everything, so permissions alone would not do
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert find([tmp_path]) == ([run], [])
    assert f"{tmp_path}/shut cannot be read: Permission denied; what it holds is left out" in capsys.readouterr().err


def test_trials_of_a_search_are_told_of_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "runs" / "digits" / "modules-cnn"
    run, trial, open_trial = (made(place / name, {"A": 90}) for name in ("seed0-a", "seed1-b", "seed1-c"))
    (open_trial / "results.csv").unlink()
    (place / "search-0").mkdir()
    trials = [{"values": {}, "fixed": {}, "run": f"digits/modules-cnn/{one.name}"} for one in (trial, open_trial)]
    (place / "search-0/search.json").write_text(json.dumps({"steps": {"one": {"trials": trials}}}))
    assert find([tmp_path / "runs"]) == ([run], [])
    assert f"left out: 2 trials of {place}/search-0" in capsys.readouterr().err
    assert find([trial]) == ([trial], [])
    for folder in (run, trial):
        (folder / "results.csv").rename(tmp_path / folder.name)
        (folder / "status.json").unlink()
        (folder / "config.yaml").unlink()
    (place / "seed1-b/status.json").write_text("{}")
    with pytest.raises(UserError, match="trials of searches only"):
        find([tmp_path / "runs"])
