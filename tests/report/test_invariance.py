"""Invariance scores: the golden values, the definition in plain loops, what is skipped."""

import json
from pathlib import Path

import numpy as np
import pytest
from plain_invariance import plain
from published import compare, published

from modrobust.corruption.composition import sample
from modrobust.report.stats.invariance import invariance

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ["Contrast", "GaussianBlur", "ImpulseNoise", "Invert", "Rotate90", "Swirl"]
COMPOSITIONS = sample(NAMES)


def draw(classes: int, units: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    means = np.maximum(generator.normal(size=(len(COMPOSITIONS), classes, units)), 0).astype(np.float32)
    return means, means.max(1) * 1.5


@published
def test_scores_equal_the_golden_values() -> None:
    draws = [np.random.RandomState(i).standard_normal((5, 16)) for i in range(len(COMPOSITIONS))]
    common = np.random.RandomState(99).standard_normal((5, 16))
    means = np.array([np.maximum(0.5 * one + common, 0) for one in draws]).astype(np.float32)
    means[:, :, 3] = 0
    maxima = np.array([means[i].max(0) * (1.5 + 0.1 * (i % 7)) for i in range(len(COMPOSITIONS))])
    scores = invariance(means, maxima, COMPOSITIONS)
    asked = [i for i, composition in enumerate(scores.compositions) if len(composition) in (2, 6)]
    golden = json.loads((GOLDEN / "invariance.json").read_text())
    assert [len(scores.compositions[i]) for i in asked] == [row["Corruptions in Composition"] for row in golden]
    for found, name in ((scores.elemental, "Elemental"), (scores.composition, "Composition")):
        compare("invariance scores", found[asked], [row[f"{name} Invariance Score"] for row in golden])
        np.testing.assert_allclose(found[asked], [row[f"{name} Invariance Score"] for row in golden], rtol=0, atol=1e-9)


@pytest.mark.parametrize(("classes", "units"), [(10, 12), (2, 5), (1, 3)])
def test_scores_equal_plain_loops_at_every_length(classes: int, units: int) -> None:
    means, maxima = draw(classes, units)
    scores = invariance(means, maxima, COMPOSITIONS)
    assert scores.compositions == [composition for composition in COMPOSITIONS if len(composition) > 1]
    found = np.stack([scores.elemental, scores.composition], 1)
    np.testing.assert_allclose(found, plain(means, maxima, COMPOSITIONS), rtol=0, atol=1e-12)


def test_a_tie_of_preferred_classes_goes_to_the_first() -> None:
    compositions = [(), ("A",), ("B",), ("A", "B")]
    means = np.array([[1.0, 1.0], [0.0, 0.5], [1.0, 0.5], [0.0, 2.0]])[:, :, None]  # both classes sum to 2
    scores = invariance(means, means.max(1), compositions)
    assert scores.elemental.tolist() == [0.0]  # of the first class: 1, 0, 1
    assert scores.composition.tolist() == [1.0]  # its 0 is the second row's 0
    np.testing.assert_array_equal([[*scores.elemental, *scores.composition]], plain(means, means.max(1), compositions))


def test_dead_and_constant_units_are_skipped_and_change_nothing() -> None:
    means, maxima = draw(4, 6)
    alive = invariance(means, maxima, COMPOSITIONS)
    dead = np.full((len(COMPOSITIONS), 4, 2), 1e-7, np.float32)
    dead[:, 1] = 9e-7
    constant = np.full((len(COMPOSITIONS), 4, 1), 0.3, np.float32)
    more = np.concatenate([means, dead, constant], 2)
    scores = invariance(more, np.concatenate([maxima, dead.max(1), constant.max(1)], 1), COMPOSITIONS)
    np.testing.assert_array_equal(scores.elemental, alive.elemental)
    np.testing.assert_array_equal(scores.composition, alive.composition)


def test_a_unit_that_is_live_only_elsewhere_counts() -> None:
    means, maxima = draw(4, 6)
    means[:, :, 0] *= 1e-9
    maxima[:, 0] *= 1e-9
    dead = invariance(means, maxima, COMPOSITIONS)
    maxima[-1, 0] = 1  # of another composition than those compared
    live = invariance(means, maxima, COMPOSITIONS)
    assert not np.array_equal(live.elemental[:30], dead.elemental[:30])
    np.testing.assert_allclose(live.elemental[:30], plain(means, maxima, COMPOSITIONS)[:30, 0], atol=1e-12)


def test_without_any_unit_there_is_no_score() -> None:
    means = np.zeros((len(COMPOSITIONS), 3, 4), np.float32)
    scores = invariance(means, means.max(1), COMPOSITIONS)
    assert np.isnan(scores.elemental).all()
    assert np.isnan(scores.composition).all()


def test_compositions_whose_rows_were_not_tested_are_named_not_filled() -> None:
    chosen = [composition for composition in COMPOSITIONS if composition != ("Swirl",)]
    means, maxima = draw(3, 4)
    kept = [COMPOSITIONS.index(composition) for composition in chosen]
    scores = invariance(means[kept], maxima[kept], chosen)
    assert all("Swirl" not in composition for composition in scores.compositions)
    assert scores.lacking == {c: ["Swirl"] for c in chosen if "Swirl" in c}
    whole = invariance(means, maxima, COMPOSITIONS)
    same = [i for i, composition in enumerate(whole.compositions) if "Swirl" not in composition]
    np.testing.assert_array_equal(scores.elemental, whole.elemental[same])
    assert invariance(means[1:], maxima[1:], COMPOSITIONS[1:]).compositions == []  # all need Identity
