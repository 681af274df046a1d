"""Correlations over compositions, with p-values that know that compositions share their corruptions.

The naive p-value takes compositions for independent. But orders of one combination, such as Contrast-Swirl and
Swirl-Contrast, have the same corruptions, and Contrast-Swirl and Contrast-Invert share one. So beside it stand:

clustered: standard errors of the slope robust to clusters (CR1), t with clusters - 1 degrees of freedom. Assumes that
    errors of different combinations are independent (it passes over single shared corruptions), and many clusters.
relabelled: the names of the corruptions are exchanged in one variable, and whole combinations move with them (the
    permutation test of Mantel, 1967, for combinations of any size). Assumes that, were there no association, no
    corruption would be different from another; what the order within a combination does is averaged out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from modrobust.report.stats.intervals import mean_and_interval

Combination = tuple[str, ...]
"""Sorted names of corruptions."""

ENUMERATED = 7  # so many names or fewer: all relabellings are tried; for more, DRAWS of them
DRAWS = 10_000
ALIKE = 1e-9  # values that differ by less are one: orders of a combination have equal elemental scores but for rounding


@dataclass(frozen=True)
class Fit:
    """A straight line y = intercept + slope x through n points; NaN where x or y is constant or n < 3.

    Attributes:
        r: Pearson's correlation.
        p: two-sided, of slope and r alike, for independent points.
    """

    n: int
    r: float
    slope: float
    intercept: float
    p: float


def fit(x: ArrayLike, y: ArrayLike) -> Fit:
    """The line of least squares.

    Args:
        x, y: float (n,).
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n = len(x)
    if n < 3 or _constant(x) or _constant(y):
        return Fit(n, *[math.nan] * 4)
    dx, dy = x - x.mean(), y - y.mean()
    slope = dx @ dy / (dx @ dx)
    r = float(np.clip(dx @ dy / math.sqrt((dx @ dx) * (dy @ dy)), -1, 1))
    t = math.inf if abs(r) == 1 else abs(r) * math.sqrt((n - 2) / (1 - r**2))
    return Fit(n, r, float(slope), float(y.mean() - slope * x.mean()), float(2 * stdtr(n - 2, -t)))


def clustered_p(x: ArrayLike, y: ArrayLike, clusters: Sequence[Any]) -> float:
    """The two-sided p-value of the slope with standard errors robust to clusters (CR1).

    Args:
        x, y: float (n,).
        clusters: n, which points may depend on each other.

    Returns:
        NaN with fewer than three clusters, or where there is no line.
    """
    line = fit(x, y)
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    names = {cluster: i for i, cluster in enumerate(dict.fromkeys(clusters))}
    count = len(names)
    if math.isnan(line.r) or count < 3:
        return math.nan
    dx = x - x.mean()
    scores = np.bincount([names[c] for c in clusters], weights=dx * (y - line.intercept - line.slope * x))
    variance = scores @ scores / (dx @ dx) ** 2 * count / (count - 1) * (line.n - 1) / (line.n - 2)
    t = abs(line.slope) / math.sqrt(variance) if variance > 0 else math.inf
    return float(2 * stdtr(count - 1, -t))


@dataclass(frozen=True)
class Relabelled:
    """A permutation test over combinations.

    Attributes:
        r: correlation of combinations' means; within each group and number of corruptions, for only that is tested.
        p: two-sided; at least 1 / relabellings. NaN where combinations cannot be told from each other.
        relabellings: so many were compared, the given one among them.
    """

    r: float
    p: float
    relabellings: int


def relabelled(x: ArrayLike, y: ArrayLike, groups: Sequence[Any], combinations: Sequence[Combination]) -> Relabelled:
    """Exchange the names of corruptions in y.

    Args:
        x, y: float (n,).
        groups: n, such as methods: names are exchanged in all of them alike, and means are taken within each.
        combinations: n, of the points; those that not all groups have are left out.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    cells: dict[Any, dict[Combination, list[int]]] = {group: {} for group in groups}
    for i, (group, combination) in enumerate(zip(groups, combinations, strict=True)):
        cells[group].setdefault(combination, []).append(i)
    shared = [c for c in dict.fromkeys(combinations) if all(c in some for some in cells.values())]
    if len(shared) < 3:
        return Relabelled(math.nan, math.nan, 0)
    sizes = np.array([len(c) for c in shared])

    def deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(groups, combinations): means, less those over the combinations of equal size."""
        means = np.array([[values[some[c]].mean() for c in shared] for some in cells.values()])
        for size in set(sizes.tolist()):
            means[:, sizes == size] -= means[:, sizes == size].mean(1, keepdims=True)
        return np.where(np.abs(means) < ALIKE, 0, means)

    dx, dy = deviations(x), deviations(y)
    scale = math.sqrt((dx**2).sum() * (dy**2).sum())
    images = _images(shared)
    if scale == 0 or len(images) < 2:
        return Relabelled(math.nan, math.nan, len(images))
    found = sum(dy[group][images] @ dx[group] for group in range(len(dx))) / scale
    r = float((dx * dy).sum() / scale)
    return Relabelled(r, float((np.abs(found) >= abs(r) - ALIKE).mean()), len(images))


def _images(combinations: Sequence[Combination]) -> NDArray[np.int64]:
    """Where exchanging names takes every combination.

    Returns:
        int64 (relabellings, combinations), places; the first leaves all where they are. Only relabellings that take
        combinations to combinations: all of them where there is every combination of a size, else a subgroup.
    """
    names = sorted({name for combination in combinations for name in combination})
    count = np.array([[combination.count(name) for name in names] for combination in combinations], np.int64)
    worth = (count.max() + 1) ** np.arange(len(names))
    if len(names) <= ENUMERATED:
        orders = np.array(list(permutations(range(len(names)))))
    else:
        generator = np.random.default_rng(0)
        drawn = [generator.permutation(len(names)) for _ in range(DRAWS - 1)]
        orders = np.stack([np.arange(len(names)), *drawn])
    keys, images = count @ worth, worth[orders] @ count.T
    by_key = np.argsort(keys)
    places = by_key[np.searchsorted(keys, images, sorter=by_key).clip(max=len(keys) - 1)]
    return np.asarray(places[(keys[places] == images).all(1)], np.int64)


@dataclass(frozen=True)
class Spread:
    """A figure over seeds; `interval` is the half width of the 95 % t interval, NaN for fewer than three seeds."""

    n: int
    mean: float
    lowest: float
    highest: float
    interval: float


def spread(values: Sequence[float]) -> Spread:
    """Over seeds; NaN (no correlation in a seed) is left out."""
    some = np.array([value for value in values if not math.isnan(value)])
    n = len(some)
    if n == 0:
        return Spread(0, *[math.nan] * 4)
    mean, half = mean_and_interval(some)
    return Spread(n, float(mean), float(some.min()), float(some.max()), float(half))


def _constant(values: NDArray[np.float64]) -> bool:
    return bool(np.ptp(values) <= ALIKE * max(1.0, float(np.abs(values).max())))
