"""Which compositions a run tests. Imports no torch."""

import re
from collections.abc import Iterable

from modrobust.corruption.composition import label, parse
from modrobust.errors import UserError, nearest

Composition = tuple[str, ...]


def choose(
    compositions: list[Composition], names: Iterable[str], only: Iterable[str] | None, max_length: int | None
) -> list[Composition]:
    """The compositions to test, in order.

    Args:
        compositions: those of the study.
        names: the elemental corruptions there are.
        only: labels such as Contrast-Swirl to test in place of the study's; None for the study's.
        max_length: leave out compositions of more corruptions; None for no limit.

    Raises:
        UserError: a label holds an unknown name, comes twice, or nothing is left.
    """
    chosen = compositions if only is None else [parse(text) for text in only]
    allowed = ["Identity", *names]
    for composition in chosen:
        for name in composition:
            if name not in allowed:
                near = nearest(name, allowed)
                raise UserError(
                    f"composition '{label(composition)}': there is no corruption '{name}'.{near} "
                    f"Allowed: {', '.join(allowed)}, joined by '-'."
                )
    if len(set(chosen)) < len(chosen):
        twice = next(c for c in chosen if chosen.count(c) > 1)
        raise UserError(f"evaluation.compositions names '{label(twice)}' twice.")
    chosen = [c for c in chosen if max_length is None or len(c) <= max_length]
    if not chosen:
        raise UserError(f"evaluation.max_length={max_length} leaves no composition to test.")
    return chosen


def share(compositions: list[Composition], part: int, of: int) -> list[Composition]:
    """The part-th of `of` shares (1-based): neighbours by prefix together, each share in the list's order."""
    by_prefix = sorted(compositions)
    start, stop = (len(by_prefix) * i // of for i in (part - 1, part))
    chosen = set(by_prefix[start:stop])
    return [c for c in compositions if c in chosen]


def parse_shard(text: str) -> tuple[int, int]:
    """'2/8' -> (2, 8). Raises UserError for anything that is not a share."""
    match = re.fullmatch(r"(\d+)/(\d+)", str(text))
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UserError(f"evaluation.shard={text} is not a share: write 2/8 for the second of eight.")
    return int(match[1]), int(match[2])
