"""Runs packed into one file: reports are those of their folders, to the byte; nothing is lost or written over."""

import shutil
from pathlib import Path

import pytest
from made_runs import made

from modrobust.errors import UserError
from modrobust.report.__main__ import report
from modrobust.report.archive import as_folders, pack

pyarrow = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402


def some(runs: Path) -> Path:
    for method in ("cross_entropy", "contrastive"):
        for seed in range(2):
            made(
                runs / f"digits/{method}-small_cnn/seed{seed}-a",
                {"Identity": 90.0 + seed, "Invert": 80.0},
                seed,
                method,
            )
    made(runs / "digits/modules-small_cnn/seed0-b", {}, state="running")
    (runs / "digits/contrastive-small_cnn/seed0-a/.lock").touch()
    (runs / "digits/contrastive-small_cnn/seed0-a/features").mkdir()
    (runs / "digits/contrastive-small_cnn/seed0-a/features/Identity.npy").write_bytes(b"large")
    return runs


def files(folder: Path) -> dict[str, bytes]:
    found = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


def test_an_archive_holds_every_file_of_finished_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, archive = some(tmp_path / "runs"), tmp_path / "runs.parquet"
    pack([runs], archive)
    said = capsys.readouterr().err
    assert "4 runs of 0.0 MB are in" in said and "1 runs that are not done are not in it." in said
    expected = {name: content for name, content in files(runs).items() if "modules" not in name}
    expected = {name: content for name, content in expected.items() if ".lock" not in name and "features" not in name}
    with as_folders([archive, runs]) as (unpacked, other):
        assert files(unpacked) == expected and other == runs
    assert not unpacked.exists()
    table = parquet.read_table(archive).to_pydict()
    configs = [text for name, text in zip(table["file"], table["content"], strict=True) if name == "config.yaml"]
    assert len(configs) == 4 and b"cross_entropy" in b"".join(configs)


def test_reports_are_those_of_the_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, archive = some(tmp_path / "runs"), tmp_path / "runs.parquet"
    shutil.rmtree(runs / "digits/modules-small_cnn")
    pack([runs], archive)
    capsys.readouterr()
    report([runs])
    of_folders = capsys.readouterr().out
    shutil.rmtree(runs)
    with as_folders([archive]) as places:
        report(places)
    assert capsys.readouterr().out == of_folders != ""


def test_trials_of_a_search_are_still_told_from_runs(tmp_path: Path) -> None:
    runs, archive = some(tmp_path / "runs"), tmp_path / "runs.parquet"
    search = runs / "digits/contrastive-small_cnn/search-c/search.json"
    search.parent.mkdir()
    search.write_text('{"steps": {"one": {"trials": [{"run": "x/seed0-a"}]}}}')
    pack([runs], archive)
    with as_folders([archive]) as (unpacked,):
        assert (unpacked / search.relative_to(runs)).read_bytes() == search.read_bytes()


def test_what_is_no_archive_is_refused_and_none_is_written_over(tmp_path: Path) -> None:
    runs, archive = some(tmp_path / "runs"), tmp_path / "runs.parquet"
    archive.write_bytes(b"precious")
    with pytest.raises(UserError, match="exists already"):
        pack([runs], archive)
    with pytest.raises(UserError, match="cannot be read"), as_folders([archive]):
        pass
    for columns, line in (
        ({"a": [1]}, "is no archive of runs: its columns are a"),
        ({"run": ["../x"], "file": ["y"], "content": [b""]}, "has a file outside of its folder: ../x/y"),
    ):
        parquet.write_table(pyarrow.table(columns), archive)
        with pytest.raises(UserError, match=line), as_folders([archive]):
            pass
    shutil.copytree(runs, tmp_path / "copy/runs")
    with pytest.raises(UserError, match="would have the same name"):
        pack([runs, tmp_path / "copy"], tmp_path / "both.parquet")
    with pytest.raises(UserError, match="no run is done"):
        pack([runs / "digits/modules-small_cnn"], tmp_path / "none.parquet")
