"""Differences on the same seeds and compositions."""

from pathlib import Path

import numpy as np
import pytest
from made_runs import T_95, made

from modrobust.report.read.facts import collect
from modrobust.report.read.find import find
from modrobust.report.tables.formats import Table
from modrobust.report.tables.images import rows_of
from modrobust.report.tables.paired import paired_table


def paired(folder: Path, draws: int = 0, all_pairs: bool = True) -> Table:
    runs, without = find([folder])
    facts = collect(runs, without)
    return paired_table(rows_of(runs, facts), facts.waiting, {}, draws, all_pairs)


def test_differences_are_of_the_same_seeds_and_compositions(tmp_path: Path) -> None:
    for seed, (a, b) in enumerate([(90.0, 80.0), (92.0, 84.0), (94.0, 91.0)]):
        made(tmp_path / f"c{seed}", {"A": a, "B": b}, seed)
    for seed, (a, b) in enumerate([(91.0, 83.0), (92.0, 90.0), (99.0, 92.0)]):
        made(tmp_path / f"m{seed}", {"A": a, "B": b, "C": 0}, seed, "modules")  # C was not tested by the other
    made(tmp_path / "m3", {"A": 0, "B": 0, "C": 0}, 3, "modules")  # nor was seed 3
    table = paired(tmp_path)
    row = table.numbers.iloc[0]
    by_seed = np.array([2.0, 3.0, 3.0])
    assert row["difference"] == pytest.approx(by_seed.mean())
    assert row["interval"] == pytest.approx(T_95[3] * by_seed.std(ddof=1) / 3**0.5, rel=1e-4)
    assert (row["n"], row["compositions"], row["against"]) == (3, 2, "cross_entropy (small_cnn)")
    assert table.sections[0].lines == [["modules (small_cnn)", "3", "2.7 ± 1.4 (2 of 3 compositions)"]]
    assert table.sections[0].title.startswith("Difference of accuracy (percentage points) to cross_entropy (small_cnn)")


def test_all_pairs_in_numbers_and_those_against_the_first_for_people(tmp_path: Path) -> None:
    for i, method in enumerate(("modules", "contrastive", "mine")):
        made(tmp_path / method, {"A": 90 + i}, method=method)
    table = paired(tmp_path)
    found = {(row["method"], row["against"].split()[0]): row["difference"] for _, row in table.numbers.iterrows()}
    assert found == {("modules", "contrastive"): -1, ("mine", "contrastive"): 1, ("mine", "modules"): 2}
    assert [line[0] for line in table.sections[0].lines] == ["modules (small_cnn)", "mine (small_cnn)"]
    assert set(paired(tmp_path, all_pairs=False).numbers["against"]) == {"contrastive (small_cnn)"}


def test_no_seed_in_common_is_missing(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90})
    made(tmp_path / "b", {"A": 90}, seed=1, method="modules")
    assert paired(tmp_path).sections[0].lines == [["modules (small_cnn)", "0", "missing"]]


def test_bootstrap_of_differences(tmp_path: Path) -> None:
    for seed in range(2):
        made(tmp_path / f"c{seed}", {"A": 50, "B": 60}, seed)
        made(tmp_path / f"m{seed}", {"A": 51, "B": 61}, seed, "modules")
    row = paired(tmp_path, draws=200).numbers.iloc[0]
    assert (row["low"], row["high"]) == (1, 1)


def test_one_line_has_nothing_to_compare_with(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90})
    assert not paired(tmp_path).sections
