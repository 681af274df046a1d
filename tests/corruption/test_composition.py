"""Compositions: the published list, other base names, names and back."""

import json
from itertools import permutations
from math import comb, factorial
from pathlib import Path

import pytest
from published import compare, published

from modrobust.corruption.composition import label, parse, sample, subset

SIX = ["Contrast", "GaussianBlur", "ImpulseNoise", "Invert", "Rotate90", "Swirl"]
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "compositions.json").read_text())


@published
def test_published_list() -> None:
    ours = [list(c) or ["Identity"] for c in sample(SIX)]
    compare("the list of 167 compositions", ours, GOLDEN)
    assert ours == GOLDEN


def test_identity_adds_nothing() -> None:
    assert sample(["Identity", *SIX]) == sample(SIX)


@pytest.mark.parametrize("number", range(9))
def test_other_names(number: int) -> None:
    names = list("abcdefgh")[:number]
    chosen = sample(names, seed=1, target=10, max_length=4)
    assert chosen[0] == ()
    assert len(set(chosen)) == len(chosen)
    for length in range(1, 9):
        group = [c for c in chosen if len(c) == length]
        assert all(len(set(c)) == length for c in group)
        if length > 4 or length > number:
            assert group == []
        elif length <= 2:
            assert group == list(permutations(names, length))
        else:
            orders = min(-(-10 // comb(number, length)), factorial(length))
            assert len(group) == orders * comb(number, length)
            assert len({frozenset(c) for c in group}) == comb(number, length)


def test_seed() -> None:
    assert sample(SIX, seed=0) != sample(SIX)
    assert sample(SIX, max_length=1) == [(), *[(name,) for name in SIX]]


@pytest.mark.parametrize("composition", sample(SIX)[::20])
def test_label_and_back(composition: tuple[str, ...]) -> None:
    assert parse(label(composition)) == composition


def test_labels() -> None:
    assert label(()) == "Identity"
    assert label(("Contrast", "Swirl")) == "Contrast-Swirl"
    assert parse("Identity") == ()
    assert parse("Contrast-Identity") == ("Contrast",)


def test_subset_is_limited_and_grows() -> None:
    names = [f"C{i}" for i in range(19)]
    small, large = (subset(names, target=target, max_length=4) for target in (10, 25))
    assert [sum(len(c) == n for c in small) for n in range(6)] == [1, 19, 10, 10, 10, 0]
    assert set(small) < set(large)
    assert len(set(large)) == len(large)
    assert all(len(set(c)) == len(c) for c in large)
    assert subset(names, target=10, max_length=4) == small
    assert subset(names, seed=1, target=10, max_length=4) != small


def test_subset_of_few_is_all() -> None:
    assert subset(["A", "B", "Identity", "C"]) == [
        *((), ("A",), ("B",), ("C",)),
        *permutations("ABC", 2),
        *permutations("ABC", 3),
    ]
    assert subset([]) == [()]
    assert subset(["A"], max_length=0) == [()]
