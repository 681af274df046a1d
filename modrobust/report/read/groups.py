"""Runs of structured data, pooled over seeds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from modrobust.report.read.bits import TESTS, Bits
from modrobust.report.read.facts import Facts
from modrobust.report.read.replicas import different_runs, told_apart
from modrobust.report.read.settings import differing
from modrobust.report.say import say


@dataclass(frozen=True)
class Group:
    """Runs of equal settings, with n seeds.

    Attributes:
        settings: dataset.name, model.name, and what else differs (see `settings_of`).
        seeds: those that were taken of each run, in the order of the arrays.
        curve, measures, losses: of all seeds (see `read.bits.Bits`).
    """

    settings: Mapping[str, Any]
    seeds: Mapping[Path, Sequence[int]]
    curve: np.ndarray
    measures: Mapping[str, np.ndarray]
    losses: Mapping[str, np.ndarray]

    @property
    def n(self) -> int:
        """The number of seeds."""
        return self.curve.shape[1]

    def final(self) -> np.ndarray:
        """Test accuracy at the last epoch, percent, float (n,); NaN without a test split."""
        names = [f"accuracy_{split}" for split in TESTS if f"accuracy_{split}" in self.measures]
        return self.measures[names[0]] if names else np.full(self.n, np.nan)


def groups(found: Mapping[Path, Bits], facts: Facts) -> list[Group]:
    """Pool runs of equal settings over their seeds, each seed once; sorted by settings.

    Replicas of two runs may overlap. Where they found different accuracies, their groups get what tells the runs apart
    among their settings, as far as that is recorded, and it is said; else the first run counts.
    """
    runs: dict[tuple[tuple[str, Any], ...], list[Path]] = defaultdict(list)
    for run, settings in settings_of(found, facts).items():
        runs[tuple(settings.items())].append(run)
    apart: dict[tuple[tuple[str, Any], ...], list[Path]] = defaultdict(list)
    for key, some in runs.items():
        for run, more in _circumstances(some, found, facts).items():
            apart[(*key, *more)].append(run)
    return [_pooled(dict(key), {run: found[run] for run in apart[key]}) for key in sorted(apart, key=_order)]


def settings_of(found: Mapping[Path, Bits], facts: Facts) -> dict[Path, dict[str, Any]]:
    """The dataset and model of each run, and in what else they differ (see `settings.differing`)."""
    known = differing({run: facts.configs[run] for run in found if run in facts.configs})
    kinds = {(found[run].dataset, found[run].model) for run in known}
    settings = {}
    for run, one in found.items():
        unknown = {"config.yaml": "unknown"} if (one.dataset, one.model) in kinds else {}
        settings[run] = known.get(run, {"dataset.name": one.dataset, "model.name": one.model, **unknown})
    return settings


def _circumstances(
    runs: Sequence[Path], found: Mapping[Path, Bits], facts: Facts
) -> dict[Path, tuple[tuple[str, str], ...]]:
    """What tells runs of equal settings apart beside these, for each; nothing where overlapping seeds are equal."""
    having: dict[int, list[Path]] = defaultdict(list)
    for run in runs:
        for seed in found[run].seeds:
            having[seed].append(run)
    shared = {pair: None for some in having.values() for pair in combinations(some, 2)}
    pairs = [(str(one), str(other)) for one, other in shared if not found[one].agrees(found[other])]
    keys, alike = told_apart(pairs, facts.known)
    if keys:
        say(different_runs(pairs[0], keys, facts.known))
    if alike:
        say(
            f"{alike[0][0]} and {alike[0][1]} have equal settings but different accuracies of the same seed, and "
            "nothing that is recorded tells them apart: the first counts. Name folders to choose others."
        )
    return {run: tuple((key, facts.known[str(run)].get(key, "unknown")) for key in keys) for run in runs}


def _pooled(settings: Mapping[str, Any], found: Mapping[Path, Bits]) -> Group:
    """Runs of equal settings as one group."""
    some: dict[Path, Bits] = {}
    seen: set[int] = set()
    for run, one in found.items():
        kept = one.without(seen)
        if kept.seeds:
            some[run] = kept
        seen.update(kept.seeds)
    measures, losses = (
        {
            name: np.concatenate([of.get(name, np.full(len(one.seeds), np.nan)) for one, of in pairs])
            for name in dict.fromkeys(name for _, of in pairs for name in of)
        }
        for pairs in ([(one, one.measures) for one in some.values()], [(one, one.losses) for one in some.values()])
    )
    epochs = min(len(one.curve) for one in some.values())
    curve = np.concatenate([one.curve[:epochs] for one in some.values()], 1)
    return Group(settings, {run: one.seeds for run, one in some.items()}, curve, measures, losses)


def _order(settings: Iterable[tuple[str, Any]]) -> list[tuple[str, bool, float, str]]:
    """Numbers by size, after text."""
    number = {key: isinstance(value, int | float) for key, value in settings}
    return [(key, number[key], float(value) if number[key] else 0.0, str(value)) for key, value in settings]
