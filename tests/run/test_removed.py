"""A run whose folder is removed or moved while it goes on, and folders that such runs have left."""

import json
import shutil
from pathlib import Path

import pytest
from in_process import SMALL, modrobust

from modrobust import run as pipeline
from modrobust.sweep.status import statuses


def test_a_run_notices_that_its_folder_is_gone_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(*args: object) -> None:
        (folder,) = tmp_path.glob("outputs/runs/digits/*/seed*")
        folder.rename(tmp_path / "elsewhere")
        work(*args)  # type: ignore[arg-type]

    work = pipeline.work
    monkeypatch.setattr(pipeline, "work", moved)
    ended = modrobust(tmp_path, *SMALL)
    assert ended.code == 1 and "was removed or moved while it was worked on" in ended.err.splitlines()[-1]
    assert not list(tmp_path.glob("outputs/runs/digits/*/seed*"))
    assert not (tmp_path / "elsewhere/results.csv").exists()
    monkeypatch.undo()
    assert modrobust(tmp_path, *SMALL).code == 0


def test_a_folder_without_configuration_is_not_done_and_is_repaired(tmp_path: Path) -> None:
    assert modrobust(tmp_path, *SMALL).code == 0
    (folder,) = tmp_path.glob("outputs/runs/digits/*/seed*")
    (folder / "config.yaml").unlink()
    assert statuses([folder], tmp_path / "outputs/runs")[folder].state == "missing"
    shutil.copytree(folder, tmp_path / "copy")
    assert modrobust(tmp_path, *SMALL).code == 0
    assert (folder / "config.yaml").exists() and json.loads((folder / "status.json").read_text())["state"] == "done"
    assert (folder / "results.csv").read_bytes() == (tmp_path / "copy/results.csv").read_bytes()
