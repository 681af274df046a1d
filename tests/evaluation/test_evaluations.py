"""Evaluations of one's own, and several in one run."""

from pathlib import Path

import pandas as pd
from in_process import SMALL, modrobust

CALIBRATION = """
from modrobust.errors import UserError
from modrobust.evaluation.evaluation import Evaluation


class Calibration(Evaluation):
    def __init__(self, bins):
        self.bins = bins

    def check(self, experiment):
        if self.bins < 2:
            raise UserError(f"bins={self.bins}: at least 2 are needed.")

    def __call__(self, made, experiment, output):
        output.folder.mkdir(exist_ok=True)
        told = f"{output.columns['dataset']} {output.columns['seed']} {self.bins} {len(made.parts)}"
        (output.folder / "calibration.txt").write_text(told)
"""
OWN = "{_target_: calibration.Calibration, name: calibration, bins: %d}"
VALID = "{_target_: modrobust.evaluation.compositions.Compositions, name: valid, split: valid, max_length: 0}"


def test_several_evaluations_each_write_into_their_own_folder(tmp_path: Path) -> None:
    (tmp_path / "calibration.py").write_text(CALIBRATION)
    result = modrobust(tmp_path, *SMALL, f"evaluations=[{OWN % 15}, {VALID}]")
    assert result.code == 0, result.err
    (folder,) = tmp_path.glob("outputs/runs/digits/*/seed0-*")
    assert (folder / "calibration/calibration.txt").read_text() == "digits 0 15 1"
    assert set(pd.read_csv(folder / "results.csv")["split"]) == {"test"}
    assert set(pd.read_csv(folder / "valid/results.csv")["split"]) == {"valid"}


def test_one_of_ones_own_in_place_of_compositions(tmp_path: Path) -> None:
    (tmp_path / "calibration.py").write_text(CALIBRATION)
    (tmp_path / "conf/evaluation").mkdir(parents=True)
    yaml = "_target_: calibration.Calibration   # tests it\nbins: 10   # of confidence\n"
    (tmp_path / "conf/evaluation/calibration.yaml").write_text(yaml)
    small = [text for text in SMALL if not text.startswith("evaluation.")]
    result = modrobust(tmp_path, *small, "evaluation=calibration", "evaluation.bins=5")
    assert result.code == 0, result.err
    (file,) = tmp_path.glob("outputs/runs/digits/*/seed0-*/calibration.txt")
    assert file.read_text() == "digits 0 5 1"


def test_what_an_evaluation_refuses_is_told_before_training(tmp_path: Path) -> None:
    (tmp_path / "calibration.py").write_text(CALIBRATION)
    result = modrobust(tmp_path, *SMALL, f"evaluations=[{OWN % 1}]")
    assert (result.code, result.err.splitlines()[-1]) == (1, "modrobust: bins=1: at least 2 are needed.")
    assert not list(tmp_path.glob("outputs/parts/*/*"))


def test_an_evaluation_without_a_name(tmp_path: Path) -> None:
    result = modrobust(tmp_path, *SMALL, "evaluations=[{_target_: calibration.Calibration}]")
    assert result.code == 1
    assert "evaluations[0]: _target_ (a class) and name (of a folder) are needed" in result.err.splitlines()[-1]


def test_one_that_cannot_be_called(tmp_path: Path) -> None:
    (tmp_path / "uncallable.py").write_text(CALIBRATION.replace("__call__", "test"))
    one = "{_target_: uncallable.Calibration, name: calibration, bins: 15}"
    result = modrobust(tmp_path, *SMALL, f"evaluations=[{one}]")
    assert result.code == 1
    assert "abstract method" in result.err.splitlines()[-1]
    assert not list(tmp_path.glob("outputs/parts/*/*"))
