"""Invariance scores of compositions, from activations of penultimate units (arXiv 2306.09005)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modrobust.corruption.composition import label

LIVE = 1e-6  # a unit that never exceeds this is skipped

Composition = tuple[str, ...]
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """The scores of compositions of two or more corruptions; both are at most 1, which is invariance.

    Attributes:
        compositions: those with scores, in the order given.
        elemental: float64 (compositions,): of the preferred class under the clean and the elemental corruptions.
        composition: float64 (compositions,): of the composition to the nearest of these.
        lacking: the compositions without scores, with the rows that these would have needed.
    """

    compositions: list[Composition]
    elemental: Reals
    composition: Reals
    lacking: dict[Composition, list[str]]


def invariance(class_mean: NDArray[Any], unit_max: NDArray[Any], compositions: Sequence[Composition]) -> Scores:
    """Both scores of every composition: medians over live units.

    Args:
        class_mean: float (n, classes, units): a unit's mean over the images of a class, of every composition.
        unit_max: float (n, units): a unit's maximum over all images.
        compositions: n names, the empty one for Identity.

    A unit is live where its maximum over all n exceeds LIVE, and skipped in a composition where it is the same in all
    classes under all elemental corruptions. A composition without any unit left has NaN.
    """
    place = {composition: i for i, composition in enumerate(compositions)}
    maximum = unit_max.max(0).astype(np.float64)
    live = maximum > LIVE
    maximum = maximum[live]

    def activations(composition: Composition) -> Reals:
        some: Reals = class_mean[place[composition]][:, live] / maximum
        return some

    several = [composition for composition in compositions if len(composition) > 1]
    needed = {composition: [(), *((name,) for name in composition)] for composition in several}
    lacking = {c: [label(row) for row in rows if row not in place] for c, rows in needed.items()}
    scored = [composition for composition in several if not lacking[composition]]
    single = {row: activations(row) for row in {row for composition in scored for row in needed[composition]}}
    medians = [
        _medians(np.stack([single[row] for row in needed[composition]]), activations(composition))
        for composition in scored
    ]
    elemental, distances = np.array(medians).reshape(-1, 2).T
    return Scores(scored, elemental, distances, {c: rows for c, rows in lacking.items() if rows})


def _medians(elemental: Reals, own: Reals) -> tuple[float, float]:
    """Both scores of one composition.

    Args:
        elemental: (rows, classes, units), first Identity.
        own: (classes, units), of the composition itself.
    """
    shift, top = elemental.min((0, 1)), elemental.max((0, 1))
    use = top > shift
    if not use.any():
        return np.nan, np.nan
    elemental, own, shift, top = elemental[..., use], own[:, use], shift[use], top[use]
    elemental -= shift  # a copy by now
    elemental /= top - shift
    units = np.arange(len(shift))
    preferred = elemental.sum(0).argmax(0)
    at = elemental[:, preferred, units]
    shift, top = np.minimum(shift, own.min(0)), np.maximum(top, own.max(0))  # of the grid with the composition's row
    reached = (own[preferred, units] - shift) / (top - shift)
    return float(np.median(1 - np.ptp(at, 0))), float(np.median(1 - np.abs(at - reached).min(0)))
