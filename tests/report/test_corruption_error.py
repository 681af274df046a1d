"""Mean corruption error: by hand from a few made-up runs, plain and against a reference."""

from pathlib import Path

import pandas as pd
import pytest
from made_runs import made

from modrobust.errors import UserError
from modrobust.report.__main__ import report

SEVERE = {1: {"Fog": 80.0, "Snow": 60.0, "Spatter": 20.0}, 3: {"Fog": 60.0, "Snow": 40.0, "Spatter": 20.0}}


def run(folder: Path, worse: float = 0.0, seed: int = 0, published: bool = False, **more: str) -> Path:
    made(folder, {"Identity": 90.0, "Fog": 70.0, "Fog-Snow": 50.0}, seed=seed, **more)
    for place in ("", "CIFAR-10-C/") if published else ("",):
        for severity, accuracy in SEVERE.items():
            lower = {name: value - worse for name, value in accuracy.items()}
            made(
                folder / f"{place}severity{severity}",
                lower if place else {**lower, "Fog-Snow": 30.0 - worse},
                seed=seed,
                **more,
            )
    return folder


def numbers(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "corruption_error.csv").set_index(["line", "measure"])


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    run(tmp_path / "runs" / "one", published=True)
    run(tmp_path / "runs" / "two", worse=1.0, seed=1)
    run(tmp_path / "runs" / "other", worse=10.0, method="modules")
    return tmp_path / "runs"


def test_errors_by_severity_and_corruption(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report([runs], tmp_path / "report")
    told = (tmp_path / "report" / "corruption_error.md").read_text(encoding="utf-8")
    assert told in capsys.readouterr().out + "\n"
    assert "| method | corruptions | compositions | n | 1 | 3 | mean |" in told
    assert "| cross_entropy (small_cnn) | 1 | 3 | 2 | 46.7, 47.7 | 60.0, 61.0 | 53.3, 54.3 |" in told
    assert "| cross_entropy (small_cnn) | 2 | 1 | 2 | 70.0, 71.0 | 70.0, 71.0 | 70.0, 71.0 |" in told
    assert (
        "| corruption | cross_entropy (small_cnn) | cross_entropy (small_cnn) on CIFAR-10-C | modules (small_cnn) |"
        in told
    )
    assert "| Fog | 30.0, 31.0 | 30.0 | 40.0 |" in told
    assert "| mean (plain mCE) | 40.0, 41.0 | 40.0 | 50.0 |" in told
    assert "relative mCE" not in told
    for name in ("severities_digits_test.png", "severities_digits_test_CIFAR-10-C.pdf"):
        assert (tmp_path / "report" / name).stat().st_size > 5000


@pytest.mark.usefixtures("no_figures")
def test_against_a_reference(runs: Path, tmp_path: Path) -> None:
    reference = run(tmp_path / "reference", worse=10.0)
    report([runs], tmp_path / "report", reference=reference)
    found = numbers(tmp_path / "report")
    fog, snow = 30 / 40, 50 / 60
    assert found.loc[("modules (small_cnn)", "mCE"), "error"] == pytest.approx(100)
    first, second = ((30 + w) / 40 + (50 + w) / 60 for w in (0, 1))
    assert fog + snow == pytest.approx(first)
    assert found.loc[("cross_entropy (small_cnn)", "mCE"), "error"] == pytest.approx(100 * (first + second) / 4)
    relative = sum((20 + w) / 30 + (40 + w) / 50 for w in (0, 1)) / 4
    assert found.loc[("cross_entropy (small_cnn)", "relative mCE"), "error"] == pytest.approx(100 * relative)


def test_a_reference_without_severities_is_refused(runs: Path, tmp_path: Path) -> None:
    plain = made(tmp_path / "plain", {"Identity": 90.0})
    with pytest.raises(UserError, match=r"--reference: .*plain was not tested with evaluation.severities"):
        report([runs], reference=plain)


@pytest.mark.usefixtures("no_figures")
def test_runs_without_severities_have_no_such_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "runs" / "one", {"Identity": 90.0, "Fog": 70.0})
    report([tmp_path / "runs"], tmp_path / "report")
    assert not list((tmp_path / "report").glob("*severit*"))
    assert not (tmp_path / "report" / "corruption_error.csv").exists()
