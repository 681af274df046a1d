"""The effect of order, the difficulty of pairs, single compositions."""

from pathlib import Path

import pandas as pd
import pytest
from made_runs import T_95, made

from modrobust.report.read.facts import Facts, collect
from modrobust.report.read.find import find
from modrobust.report.tables.compositions import compositions_table
from modrobust.report.tables.difficulty import difficulty_table
from modrobust.report.tables.images import rows_of
from modrobust.report.tables.order import longer_table, pairs_table


def read(folder: Path) -> tuple[pd.DataFrame, Facts]:
    runs, without = find([folder])
    facts = collect(runs, without)
    return rows_of(runs, facts), facts


def two_seeds(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    common = {"Identity": 99, "A": 90, "B": 80, "C": 70}
    made(folder / "0", {**common, "B-A": 60, "A-B": 50, "A-C": 40, "B-A-C": 30, "A-B-C": 33, "C-B-A": 20}, 0)
    made(folder / "1", {**common, "B-A": 62, "A-B": 56, "A-C": 40, "B-A-C": 31, "A-B-C": 30, "C-B-A": 25}, 1)
    rows, facts = read(folder)
    return rows, facts.waiting


def test_order_of_two(tmp_path: Path) -> None:
    table = pairs_table(*two_seeds(tmp_path), {})
    (row,) = table.numbers.to_dict("records")  # A-C has no other order
    assert (row["corruptions"], row["accuracy"], row["accuracy_reversed"], row["n"]) == ("B-A", 61, 53, 2)
    assert row["difference"] == 8  # of 10 and 6
    assert table.sections[0].lines == [["n", "2"], ["B-A", "6.0, 10.0"]]


def test_order_of_two_over_three_seeds(tmp_path: Path) -> None:
    for seed, less in enumerate((10, 6, 8)):
        made(tmp_path / str(seed), {"B-A": 60, "A-B": 60 - less}, seed)
    rows, facts = read(tmp_path)
    (row,) = pairs_table(rows, facts.waiting, {}).numbers.to_dict("records")
    assert (row["difference"], row["interval"]) == (8, pytest.approx(T_95[3] * 2 / 3**0.5, rel=1e-4))


def test_range_over_longer_orders(tmp_path: Path) -> None:
    table = longer_table(*two_seeds(tmp_path), {})
    (row,) = table.numbers.to_dict("records")
    assert (row["range"], row["orders"], row["n"]) == (9.5, 3, 2)  # of 13 and 6
    assert (row["lowest"], row["lowest_accuracy"]) == ("C-B-A", 22.5)
    assert (row["highest"], row["highest_accuracy"]) == ("A-B-C", 31.5)


def test_an_order_that_one_seed_lacks_is_not_compared(tmp_path: Path) -> None:
    made(tmp_path / "0", {"A-B": 50, "B-A": 40, "A-B-C": 33, "C-B-A": 20, "B-A-C": 99}, 0)
    made(tmp_path / "1", {"A-B": 50, "A-B-C": 33, "C-B-A": 21}, 1)
    rows, facts = read(tmp_path)
    pairs = pairs_table(rows, facts.waiting, {})
    assert pairs.sections[0].lines == [["n", "2"], ["A-B", "10.0 (n = 1)"]]
    assert longer_table(rows, facts.waiting, {}).numbers["range"].tolist() == [12.5]


def test_difficulty_is_a_matrix_of_first_and_second(tmp_path: Path) -> None:
    rows, waiting = two_seeds(tmp_path)
    (section,) = difficulty_table(rows, waiting, {}).sections
    assert section.header == ["first", "A", "B", "C"]
    assert section.lines == [
        ["A", "90.0, 90.0", "50.0, 56.0", "40.0, 40.0"],
        ["B", "60.0, 62.0", "80.0, 80.0", "missing"],
        ["C", "missing", "missing", "70.0, 70.0"],
    ]


def test_compositions_stand_in_the_order_tested_with_every_line(tmp_path: Path) -> None:
    made(tmp_path / "0", {"Identity": 99, "B": 90, "A": 80})
    made(tmp_path / "1", {"Identity": 98, "A": 70}, method="modules")
    made(tmp_path / "2", {}, method="contrastive", state="running")
    rows, facts = read(tmp_path)
    table = compositions_table(rows, facts.waiting, {})
    methods = ["cross_entropy (small_cnn)", "modules (small_cnn)", "contrastive (small_cnn)"]
    assert table.sections[0].header == ["composition", *methods]
    assert table.sections[0].lines == [
        ["n", "1", "1", "0"],
        *(["Identity", "99.0", "98.0", "missing"], ["B", "90.0", "missing", "missing"]),
        ["A", "80.0", "70.0", "missing"],
    ]
    assert table.numbers["loss"].tolist() == [0.5] * 5


def test_only_identity_gives_no_such_tables(tmp_path: Path) -> None:
    made(tmp_path / "0", {"Identity": 99})
    rows, facts = read(tmp_path)
    for make in (pairs_table, longer_table, difficulty_table):
        assert not make(rows, facts.waiting, {}).sections


def test_tables_too_wide_to_read_say_so_and_have_all_numbers(tmp_path: Path) -> None:
    for i in range(65):
        made(tmp_path / str(i), {"A": 90, "A-B": 50}, settings={"method.lr": i})
    rows, facts = read(tmp_path)
    for make in (compositions_table, difficulty_table):
        table = make(rows, facts.waiting, {})
        assert table.sections[0].header == ["left out"]
        assert table.sections[0].lines[0][0].startswith("65 methods and settings, more than 64;")
        assert len(table.numbers) == 130
