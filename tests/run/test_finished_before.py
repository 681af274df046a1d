"""What was finished before evaluation became a group and modules got their rooms: found, and not done again.

tests/golden/finished was made by the commit before (31837e5), with the commands below.
"""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from in_process import modrobust

FINISHED = Path(__file__).parents[1] / "golden/finished"
BOOLEAN = ("dataset=boolean", "model.hidden=[4]", "threads=1", "device=cpu", "training.epochs=2")
DIGITS = (
    *("method=modules", "dataset.n_train=20", "dataset.n_valid=10", "dataset.n_test=10", "evaluation.max_length=1"),
    *("model.widths=[2,2,2,2]", "model.hidden=4", "corruption.names=[Contrast,Rotate90]"),
    *("threads=1", "device=cpu", "training.epochs=2"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FINISHED, tmp_path / "outputs")
    return tmp_path


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "run.log"}


@pytest.mark.parametrize("command", [BOOLEAN, DIGITS], ids=["boolean", "digits"])
def test_a_finished_run_is_done(folder: Path, command: tuple[str, ...]) -> None:
    before = files(folder)
    result = modrobust(folder, *command)
    assert result.code == 0 and "done already" in result.err
    assert {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "run.log"
    } == before


def test_a_finished_part_is_not_trained_again(folder: Path) -> None:
    (part,) = folder.glob("outputs/parts/boolean/*")
    (run,) = folder.glob("outputs/runs/boolean/*/*")
    expected, weights = pd.read_csv(run / "results.csv"), (part / "weights.safetensors").stat().st_mtime_ns
    shutil.rmtree(run)
    assert modrobust(folder, *BOOLEAN).code == 0
    assert list(folder.glob("outputs/parts/boolean/*")) == [part]
    assert (part / "weights.safetensors").stat().st_mtime_ns == weights
    pd.testing.assert_frame_equal(pd.read_csv(run / "results.csv"), expected, rtol=1e-5)
