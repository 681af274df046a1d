"""A finished run knows its data: with other data it is not taken for done, alone and in a sweep."""

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml
from in_process import modrobust
from PIL import Image

from modrobust.evaluation.examples import find_examples

COMMAND = (
    *("dataset=image_folder", "dataset.image_size=[8,12]", "model.widths=[2,2,2,2]", "model.hidden=4"),
    *("training.epochs=1", "evaluation.max_length=0", "threads=1", "device=cpu"),
)


def put(path: Path, level: int) -> None:
    """A picture whose file has the same size whatever its colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 8), (level, 0, 200)).save(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    for k, name in enumerate(("cats", "dogs")):
        for i in range(6):
            put(tmp_path / "photos" / name / f"{i}.bmp", 100 * k + i)
    return tmp_path


def change(path: Path, level: int, time: int) -> None:
    put(path, level)
    os.utime(path, ns=(time, time))


def test_a_run_of_other_data_is_not_taken_for_done(folder: Path) -> None:
    first = modrobust(folder, *COMMAND)
    assert first.code == 0, first.err
    (run,) = folder.glob("outputs/runs/photos/*/*")
    status = json.loads((run / "status.json").read_text())
    assert status["data"]["num_classes"] == 2
    assert status["data"]["classes"]["cats"] == {"train": 4, "valid": 1, "test": 1}
    image = folder / "photos/cats/3.bmp"
    change(image, 3, 5)  # the same image, at another time
    again = modrobust(folder, *COMMAND)
    assert again.code == 0 and "done already" in again.err and again.out == first.out
    assert json.loads((run / "status.json").read_text())["data"]["stamp"] != status["data"]["stamp"]
    results = (run / "results.csv").read_bytes()
    change(image, 250, 6)
    other = modrobust(folder, *COMMAND)
    assert other.code == 1 and other.out == ""
    (line,) = [line for line in other.err.splitlines() if "holds results of other data" in line]
    assert "dataset.name" in line
    dry = modrobust(folder, "-m", *COMMAND, "--dry-run")
    assert dry.code == 0 and "\nchanged " in dry.out and "\n1 changed: done, but with other files" in dry.out
    sweep = modrobust(folder, "-m", *COMMAND, "hydra/launcher=local")
    assert sweep.code == 1 and "it is done with other data than is there now" in sweep.out
    assert (run / "results.csv").read_bytes() == results
    shutil.rmtree(run)
    assert modrobust(folder, *COMMAND).code == 0  # parts have noticed by themselves
    assert len([*folder.glob("outputs/parts/photos/*")]) == 2


def test_other_files_are_another_run_and_a_moved_folder_is_the_same(folder: Path) -> None:
    assert modrobust(folder, *COMMAND).code == 0
    (folder / "photos").rename(folder / "moved")
    (folder / "elsewhere").mkdir()
    (folder / "moved").rename(folder / "elsewhere/photos")
    moved = modrobust(folder, *COMMAND, "dataset.folder=elsewhere/photos")
    assert moved.code == 0 and "done already" in moved.err
    (run,) = folder.glob("outputs/runs/photos/*/*")
    assert find_examples(run, yaml.safe_load((run / "config.yaml").read_text())) is not None  # reports show the images
    put(folder / "elsewhere/photos/dogs/new.bmp", 9)
    assert modrobust(folder, *COMMAND, "dataset.folder=elsewhere/photos").code == 0
    assert len([*folder.glob("outputs/runs/photos/*/*")]) == 2
