"""The bootstrap against what is known of it."""

import numpy as np
import pandas as pd
import pytest

from modrobust.report.stats import intervals
from modrobust.report.stats.intervals import bootstrap, cell, over_seeds


def test_equal_values_have_no_width() -> None:
    assert bootstrap(np.full((3, 4), 7.0), 500) == (7, 7)


def test_compositions_alone_as_theory_says() -> None:
    values = np.arange(100.0)[None]  # one seed: a mean of 100 draws, deviation 28.87 / 10
    low, high = bootstrap(values, 20_000)
    assert low == pytest.approx(49.5 - 1.96 * 2.887, abs=0.15)
    assert high == pytest.approx(49.5 + 1.96 * 2.887, abs=0.15)


def test_seeds_are_drawn_and_compositions_within_them() -> None:
    generator = np.random.default_rng(1)
    values = generator.normal(size=(40, 1)) + generator.normal(size=(40, 30))
    low, high = bootstrap(values, 20_000)
    expected = (values.mean(1).var() / 40 + values.var(1).mean() / (40 * 30)) ** 0.5
    assert (high - low) / 2 == pytest.approx(1.96 * expected, rel=0.05)


def test_equal_input_equal_output_whatever_is_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random((5, 7))
    assert bootstrap(values, 1000) == bootstrap(values, 1000)
    monkeypatch.setattr(intervals, "DRAWS", 100)  # many pieces
    low, high = bootstrap(values, 1000)
    assert values.min() < low < values.mean() < high < values.max()


def test_numbers_for_people() -> None:
    three = {"accuracy": 88.26, "interval": 1.04, "n": 3}
    assert cell(three) == "88.3 ± 1.0"
    assert cell({**three, "low": 87.5, "high": 89.15}) == "88.3 ± 1.0 [87.5, 89.2]"
    assert cell({"loss": -0.04, "interval": 0.0, "n": 3}, "loss") == "0.0 ± 0.0"


def test_below_three_seeds_the_values_are_shown() -> None:
    cells = over_seeds(pd.DataFrame({"line": ["a", "a", "b"], "accuracy": [92.0, 38.0, 88.25]}), ["line"])
    assert list(map(cell, cells.to_dict("records"))) == ["38.0, 92.0", "88.2"]
    assert cells["interval"].isna().all()
