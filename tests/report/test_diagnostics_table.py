"""What methods say of images besides their classes, by number of corruptions."""

from pathlib import Path

import pandas as pd
import pytest
from made_runs import made

from modrobust.report.read.facts import collect
from modrobust.report.read.find import find
from modrobust.report.tables.diagnostics import diagnostics_table
from modrobust.report.tables.formats import Table
from modrobust.report.tables.images import rows_of


def table_of(folder: Path) -> Table:
    runs, without = find([folder])
    facts = collect(runs, without)
    return diagnostics_table(rows_of(runs, facts), facts.waiting, {})


def write(run: Path, exact: list[float]) -> None:
    names = ["Identity", "Contrast", "Invert"]
    some = pd.DataFrame({"variant": "default", "composition": names, "n_corruptions": [0, 1, 1], "exact": exact})
    some.to_csv(run / "diagnostics.csv", index=False)


def test_means_by_number_of_corruptions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accuracy = {"Identity": 90.0, "Contrast": 80.0, "Invert": 70.0}
    for seed in range(2):
        write(made(tmp_path / f"{seed}", accuracy, seed, "modules"), [100, 50 + 10 * seed, 70 + 10 * seed])
    made(tmp_path / "without", accuracy)
    damaged = made(tmp_path / "damaged", accuracy, 5, "modules")
    (damaged / "diagnostics.csv").write_text("exact\nmany\n")
    table = table_of(tmp_path)
    assert f"{damaged / 'diagnostics.csv'} is damaged" in capsys.readouterr().err
    (section,) = table.sections
    assert section.title.startswith("exact on digits test, by number of corruptions")
    assert section.header == ["method", "n", "0", "1"]
    assert [[*line[:2], line[3]] for line in section.lines] == [["modules (small_cnn)", "2", "60.0, 70.0"]]
    numbers = table.numbers.set_index("n_corruptions")
    assert numbers["value"].to_dict() == {0: 100, 1: 65} and set(numbers["measure"]) == {"exact"}


def test_without_any_there_is_no_table(tmp_path: Path) -> None:
    made(tmp_path / "run", {"Identity": 90.0})
    assert not table_of(tmp_path).sections
