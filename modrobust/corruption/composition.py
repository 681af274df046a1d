"""Compositions: ordered tuples of names of corruptions; the empty one is Identity."""

import random
import re
from collections.abc import Iterable
from itertools import combinations, permutations
from math import ceil, comb, factorial, perm

from modrobust.errors import UserError

IDENTITY = "Identity"


def is_name(text: str) -> bool:
    """Whether a corruption can have this name: letters, digits and _; "-" joins the names of a composition."""
    return re.fullmatch(r"\w+", text) is not None and text != IDENTITY


def check_name(text: str) -> None:
    """Refuse what can't be a corruption's name. Raises UserError."""
    if not is_name(text):
        raise UserError(
            f"corruption '{text}': a name has letters, digits and _ (no -, which joins those of a composition), "
            f"and is not {IDENTITY}."
        )


def label(composition: Iterable[str]) -> str:
    """The name of a composition: ("Contrast", "Swirl") -> "Contrast-Swirl", () -> "Identity"."""
    return "-".join(composition) or IDENTITY


def parse(text: str) -> tuple[str, ...]:
    """The composition of a name: "Contrast-Swirl" -> ("Contrast", "Swirl"), "Identity" -> ()."""
    return tuple(name for name in text.split("-") if name != IDENTITY)


def subset(names: Iterable[str], seed: int = 2778, target: int = 30, max_length: int = 6) -> list[tuple[str, ...]]:
    """Some of the compositions of any number of corruptions.

    Identity, every corruption alone, and of each length from 2 all compositions, or `target` of them, drawn from all
    with equal chances and without repetition. A greater target adds to those of a smaller one.

    Args:
        names: the elementary corruptions in base order; Identity is left out.
        seed: of Python's generators, one for each length.
        target: largest number of compositions of each length from 2.
        max_length: of a composition.
    """
    base = [name for name in names if name != IDENTITY]
    longest = min(max_length, len(base))
    chosen: list[tuple[str, ...]] = [(), *((name,) for name in base if longest)]
    for length in range(2, longest + 1):
        if perm(len(base), length) <= target:
            chosen += permutations(base, length)
            continue
        generator = random.Random(f"{seed} {length}")
        drawn: dict[tuple[str, ...], None] = {}
        while len(drawn) < target:
            drawn[tuple(generator.sample(base, length))] = None
        chosen += drawn
    return chosen


def sample(names: Iterable[str], seed: int = 2778, target: int = 30, max_length: int = 6) -> list[tuple[str, ...]]:
    """The compositions to test on (arXiv 2306.09005): 167 of six corruptions.

    Identity, every corruption alone, all ordered pairs, then for every length from 3 the same number of
    orders of every combination, drawn without repetition.

    Args:
        names: the elementary corruptions in base order; Identity is left out.
        seed: of Python's generator.
        target: number of compositions of each length from 3, rounded up to a multiple of the combinations.
        max_length: of a composition.
    """
    base = [name for name in names if name != IDENTITY]
    longest = min(max_length, len(base))
    generator = random.Random(seed)
    chosen: list[tuple[str, ...]] = [()]
    for length in range(1, min(longest, 2) + 1):
        chosen += permutations(base, length)
    for length in range(3, longest + 1):
        orders = min(ceil(target / comb(len(base), length)), factorial(length))
        for combination in combinations(base, length):
            chosen += generator.sample(list(permutations(combination)), orders)
    return chosen
