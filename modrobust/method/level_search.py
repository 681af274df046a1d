"""The search for the level of each corruption: every level is tried, the best validation accuracy wins."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from modrobust.store.parts import Part

log = logging.getLogger(__name__)


class Tried(NamedTuple):
    """One level tried: the accuracy on the validation split, 0..1, and the parts that were trained for it."""

    accuracy: float
    parts: tuple[Part, ...]


class Levels(NamedTuple):
    """The level of each corruption; what every level reached, as rows of a table; the parts that were trained."""

    chosen: dict[str, int]
    rows: list[dict[str, Any]]
    parts: tuple[Part, ...]

    @property
    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """For `Made`: the table `levels`, where levels were searched."""
        return {"levels": self.rows} if self.rows else {}


def choose_levels(names: Iterable[str], levels: range, attempt: Callable[[str, int], Tried]) -> Levels:
    """The best level of each corruption; of equally good ones the lowest.

    Args:
        names: corruptions.
        levels: to try.
        attempt: trains something short for a corruption at a level.
    """
    chosen: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    parts: list[Part] = []
    for name in names:
        attempts = {level: attempt(name, level) for level in levels}
        parts += [part for one in attempts.values() for part in one.parts]
        tried = {level: one.accuracy for level, one in attempts.items()}
        chosen[name] = max(tried, key=lambda level: (tried[level], -level))
        shown = " ".join(f"{level}:{100 * value:.1f}" for level, value in tried.items())
        log.info("%s: level %d, of validation accuracies (%%) %s", name, chosen[name], shown)
        for level, value in tried.items():
            row = {"corruption": name, "level": level, "valid_accuracy": 100 * value}
            rows.append({**row, "chosen": level == chosen[name]})
    return Levels(chosen, rows, tuple(parts))
