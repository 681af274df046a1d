"""Correlations: known answers, and how often each p-value is wrong where nothing is associated."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.stats import linregress

from modrobust.report.stats.correlation import clustered_p, fit, relabelled, spread

NAMES = "ABCDEF"
PAIRS = [pair for pair in combinations(NAMES, 2) for _ in range(2)]
TRIPLES = [triple for triple in combinations(NAMES, 3) for _ in range(2)]


def test_the_line_equals_scipys() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=20)
    y = 3 - 0.4 * x + generator.normal(size=20)
    known = linregress(x, y)
    found = fit(x, y)
    assert (found.r, found.slope, found.intercept, found.p) == pytest.approx(
        (known.rvalue, known.slope, known.intercept, known.pvalue), rel=1e-9
    )


def test_equal_values_but_for_rounding_have_no_correlation() -> None:
    x = 0.3 + np.array([0, 1e-16, 2e-16, 0, 1e-16])
    assert np.isnan(fit(x, np.arange(5.0)).r)
    assert np.isnan(fit(np.arange(5.0), x).p)
    assert np.isnan(clustered_p(x, np.arange(5.0), list("abcde")))


def test_a_perfect_line_is_certain() -> None:
    found = fit(np.arange(6.0), 2 * np.arange(6.0))
    assert (found.r, found.p) == (1, 0)


def test_clustered_p_equals_that_of_statsmodels() -> None:
    """0.0847394164224685: OLS(y, [1, x]).fit(cov_type='cluster', use_t=True) of statsmodels."""
    draw = np.random.RandomState(0)
    x = draw.standard_normal(12)
    y = 0.4 * x + draw.standard_normal(12)
    assert clustered_p(x, y, (np.arange(12) // 3).tolist()) == pytest.approx(0.0847394164224685, rel=1e-9)
    assert np.isnan(clustered_p(x, y, (np.arange(12) // 6).tolist()))


def test_relabelling_equals_a_plain_loop_over_names() -> None:
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(2, len(PAIRS)))
    mean = {pair: [v[[i for i, p in enumerate(PAIRS) if p == pair]].mean() for v in (x, y)] for pair in set(PAIRS)}
    centred = {pair: np.subtract(values, np.mean(list(mean.values()), 0)) for pair, values in mean.items()}
    products = []
    for order in permutations(NAMES):
        new = dict(zip(NAMES, order, strict=True))
        moved = [tuple(sorted(new[name] for name in pair)) for pair in centred]
        products.append(sum(centred[pair][0] * centred[to][1] for pair, to in zip(centred, moved, strict=True)))
    found = relabelled(x, y, [""] * len(PAIRS), PAIRS)
    assert found.relabellings == 720
    assert found.p == pytest.approx(np.mean(np.abs(products) >= abs(products[0]) - 1e-9))
    assert found.r == pytest.approx(np.corrcoef(np.array(list(mean.values())).T)[0, 1])


def test_what_methods_and_numbers_of_corruptions_differ_by_is_not_tested() -> None:
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=(2, 4 * len(PAIRS)))
    places = (PAIRS + TRIPLES[: len(PAIRS)]) * 2
    groups = ["a"] * (2 * len(PAIRS)) + ["b"] * (2 * len(PAIRS))
    shift = np.array([100 * (group == "b") + 10 * len(place) for group, place in zip(groups, places, strict=True)])
    assert relabelled(x + shift, y + shift, groups, places).p == pytest.approx(relabelled(x, y, groups, places).p)


def test_only_names_that_take_combinations_to_combinations_are_exchanged() -> None:
    path = [("A", "B"), ("A", "C"), ("B", "D")]  # C A B D, and back: D B A C
    assert relabelled([1, 2, 3], [1, 3, 2], ["", "", ""], path).relabellings == 2
    assert relabelled([1, 2, 3], [1, 3, 2], ["", "", ""], [("A", "B"), ("A", "C"), ("A", "B", "C")]).relabellings == 2


def test_one_combination_cannot_be_relabelled() -> None:
    found = relabelled(np.arange(5.0), np.arange(5.0), [""] * 5, [tuple(NAMES)] * 5)
    assert np.isnan(found.p)


def test_an_association_is_found() -> None:
    x = np.random.default_rng(3).normal(size=len(TRIPLES))
    assert relabelled(x, x, [""] * len(TRIPLES), TRIPLES).p == pytest.approx(1 / 720)


def test_only_relabelling_holds_its_level_where_each_corruption_has_its_own_effect() -> None:
    """Two variables that have nothing to do with each other, both sums of effects of the corruptions and noise."""
    generator = np.random.default_rng(0)
    members = np.array([[name in triple for name in NAMES] for triple in TRIPLES], float)
    below = np.zeros(3)
    rounds = 200
    for _ in range(rounds):
        x, y = (members @ generator.normal(size=(6, 2)) + 0.3 * generator.normal(size=(len(TRIPLES), 2))).T
        p = (fit(x, y).p, clustered_p(x, y, TRIPLES), relabelled(x, y, [""] * len(TRIPLES), TRIPLES).p)
        below += np.array(p) < 0.05
    naive, clustered, by_labels = below / rounds
    assert naive > 0.3
    assert naive > clustered > 0.2  # combinations that share a corruption are not independent
    assert by_labels < 0.09


def test_spread_over_seeds() -> None:
    found = spread([0.1, 0.2, 0.6, float("nan")])
    assert (found.n, found.mean, found.lowest, found.highest) == (3, pytest.approx(0.3), 0.1, 0.6)
    assert found.interval == pytest.approx(4.30265 * np.std([0.1, 0.2, 0.6], ddof=1) / 3**0.5, rel=1e-5)
    assert np.isnan(spread([0.1]).interval)
