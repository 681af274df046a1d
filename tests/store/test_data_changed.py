"""Whether data has changed, told from a run's record and the files alone."""

import os
from pathlib import Path
from typing import Any

from modrobust.store.data import data_changed
from modrobust.store.stamp import stamp_of


def record(*files: Path, place: str = "data") -> dict[str, Any]:
    return {"data": {"files": [str(file) for file in files], "stamp": stamp_of(files), "place": [place]}}


def test_files_and_folders_are_known_by_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    one, other = tmp_path / "one", tmp_path / "deep/other"
    one.write_text("a")
    other.write_text("b")
    status = record(one, tmp_path / "deep")
    assert not data_changed(status, ["data"])
    assert data_changed(status, ["elsewhere"])
    os.utime(other, ns=(1, 1))
    assert data_changed(status, ["data"])
    status = record(one, tmp_path / "deep")
    (tmp_path / "deep/new").touch()
    assert data_changed(status, ["data"])


def test_what_is_gone_or_not_known_counts_as_the_same(tmp_path: Path) -> None:
    file = tmp_path / "one"
    file.write_text("a")
    status = record(file)
    file.unlink()
    assert not data_changed(status, ["data"])
    assert not data_changed({}, ["data"]) and not data_changed({"data": {"files": []}}, ["data"])
    unknown = {"data": {"checksums": {}}}
    assert data_changed(unknown, ["data"], unknown=True) and not data_changed(unknown, ["data"])
