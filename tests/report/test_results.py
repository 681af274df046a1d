"""Reading results.csv of many runs at once."""

from pathlib import Path

import numpy as np
import pytest
from made_runs import made

from modrobust.errors import UserError
from modrobust.report.read.results import TYPES, read


def test_rows_of_all_runs_with_their_folder_and_types(tmp_path: Path) -> None:
    runs = [made(tmp_path / name, {"Identity": 99, "A": 90}, seed) for seed, name in enumerate("ab")]
    rows = read(runs)
    assert rows["run"].tolist() == [str(run) for run in runs for _ in range(2)]
    assert rows["seed"].tolist() == [0, 0, 1, 1]
    assert list(rows.columns) == [*TYPES, "run"]
    assert (rows["seed"].dtype, rows["accuracy"].dtype) == (np.int64, np.float64)


def test_columns_in_another_order_and_more_of_them(tmp_path: Path) -> None:
    runs = [made(tmp_path / name, {"A": 90}, seed) for seed, name in enumerate("ab")]
    lines = (runs[1] / "results.csv").read_text().splitlines()
    (runs[1] / "results.csv").write_text("\n".join("more," + line for line in lines))  # and no line end at the end
    rows = read(runs)
    assert rows["seed"].tolist() == [0, 1] and rows["accuracy"].tolist() == [90, 90]


def test_a_loss_that_is_no_number_and_names_that_look_like_none(tmp_path: Path) -> None:
    run = made(tmp_path / "a", {"A": 90}, method="null")
    text = (run / "results.csv").read_text()
    (run / "results.csv").write_text(text.replace("0.5", ""))
    rows = read([run])
    assert rows["method"].tolist() == ["null"] and np.isnan(rows["loss"][0])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "No columns"),
        ("dataset,method\na,b\n", "variant"),
        ("x\n1\n", "dataset"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str, reason: str) -> None:
    runs = [made(tmp_path / name, {"A": 90}) for name in "ab"]
    (runs[1] / "results.csv").write_text(text)
    with pytest.raises(UserError, match=f"{tmp_path}/b/results.csv cannot be read: ") as error:
        read(runs)
    assert reason in str(error.value)


def test_the_one_of_many_with_a_bad_value_is_named(tmp_path: Path) -> None:
    runs = [made(tmp_path / name, {"A": 90}) for name in "abc"]
    text = (runs[1] / "results.csv").read_text()
    (runs[1] / "results.csv").write_text(text.replace("90", "ninety"))
    with pytest.raises(UserError, match=f"{tmp_path}/b/results.csv cannot be read: .*ninety"):
        read(runs)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a/results.csv cannot be read: No such file"):
        read([tmp_path / "a"])
