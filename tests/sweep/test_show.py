"""What `modrobust-report --status` counts: runs, each once, and nothing that is beside them."""

import json
from pathlib import Path

import pytest

from modrobust.sweep import index
from modrobust.sweep.show import show_status


def put(folder: Path, state: str = "done", *others: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps({"state": state}))
    (folder / "config.yaml").touch()
    for name in others:
        (folder / name).write_text("{}")
    return folder


def shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    show_status([folder])
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    for seed in range(3):
        put(tmp_path / f"runs/digits/modules-small_cnn/seed{seed}-a")
        put(tmp_path / f"parts/digits/backbone-small_cnn-seed{seed}-a", "done", "depends.json")
    put(tmp_path / "tasks/digits/seed0-a/statistics-b")
    return tmp_path


def test_parts_and_tasks_are_no_runs(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(outputs, capsys) == [f"{outputs}: 3 done"]


def test_a_run_in_shares_counts_once_when_it_is_whole(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = outputs / "runs/digits/modules-small_cnn/seed9-a"
    for share in (1, 2):
        put(run / f"shard-{share}of2")
    assert shown(outputs, capsys) == [f"{outputs}: 5 done"]
    (run / "status.json").write_text('{"state": "done"}')
    (run / "config.yaml").touch()
    assert shown(outputs, capsys) == [f"{outputs}: 4 done"]


def test_runs_behind_a_link(outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (outputs / "runs/digits").rename(outputs / "scratch")
    (outputs / "runs/digits").symlink_to(outputs / "scratch")
    assert shown(outputs / "runs", capsys) == [f"{outputs}/runs: 3 done"]


def test_of_an_output_folder_what_was_submitted_counts_too(
    outputs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modrobust.sweep.slurm.states", lambda jobs, users: {"7_0": "PENDING", "7_1": "RUNNING"})
    runs = outputs / "runs"
    worker = put(runs / "digits/search-a/one-4/worker-0", "running")
    (runs / "digits/search-a/search.json").write_text("{}")
    index.record(runs, [("7_0", [runs / "digits/modules-small_cnn/seed7-a"]), ("7_1", [worker])], {}, 0)
    first, _, line = shown(outputs, capsys)
    assert first == f"{outputs}: 3 done, 1 queued"
    assert line.split()[0] == "queued" and line.endswith("7_0        runs/digits/modules-small_cnn/seed7-a")
