"""What a sampler draws of a space: between its ends, or one of its values."""

from typing import Any

import pytest

optuna = pytest.importorskip("optuna")

from modrobust.search.space import distribution, placed, suggest  # noqa: E402


def drawn(values: list[Any], now: Any, number: int = 12) -> list[Any]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = []
    for _ in range(number):
        trial = study.ask()
        found.append(suggest(trial, "key", values, now))
        study.tell(trial, 0.0)
    return found


@pytest.mark.parametrize(("values", "low", "high"), [([-1, 1], -1, 1), ([0, 0.1], 0, 0.1), ([0.5, 0, -2], -2, 0.5)])
def test_with_zero_or_negative_numbers_the_scale_is_linear(values: list[Any], low: float, high: float) -> None:
    found = drawn(values, now=0.5)
    assert len(set(found)) == 12 and all(low < value < high and isinstance(value, float) for value in found)
    assert max(found) - min(found) > (high - low) / 2


def test_positive_numbers_are_drawn_on_a_logarithmic_scale() -> None:
    found = drawn([1, 1e-4], now=0.1)
    assert 3 <= sum(value < 0.01 for value in found) <= 9 and all(1e-4 <= value <= 1 for value in found)


def test_whole_numbers_where_the_key_has_one() -> None:
    assert set(drawn([0, 2], now=1, number=30)) == {0, 1, 2}
    assert all(isinstance(value, float) for value in drawn([1, 10], now=0.1))


@pytest.mark.parametrize("values", [["a", "b"], [True, False], [None, 0.1], [[1, 2], [3]], [0.1], [True, 1]])
def test_of_anything_else_one_is_chosen(values: list[Any]) -> None:
    assert {repr(value) for value in drawn(values, now=None)} == {repr(value) for value in values}


def test_a_journal_goes_on_as_an_older_version_began_it() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(3):
        trial = study.ask()
        trial.suggest_categorical("key", [0, 0.1])
        study.tell(trial, 0.0)
    assert {suggest(study.ask(), "key", [0, 0.1], 0.5) for _ in range(8)} == {0, 0.1}


def test_what_was_not_drawn_has_its_place_or_none() -> None:
    study = optuna.create_study()
    for values, now, value, found in (
        ([1, 1e-4], 0.1, 0.5, 0.5),
        ([1, 1e-4], 0.1, 2, None),
        ([1, 5], 2, 2.5, None),
        ([[1, 2], [3]], None, [1, 2], "[1,2]"),
        ([True, 1], None, 1, "1"),
        (["a", "b"], None, "c", None),
    ):
        assert placed(value, distribution(study, "key", values, now), values) == found
