"""Levels as people write them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modrobust.errors import UserError
from modrobust.method.levels import levels_of
from modrobust.model.five_by_five import five_by_five
from modrobust.model.network import Network
from modrobust.model.resnet18 import resnet18

NAMES = ("Contrast", "Swirl")
WORDS = "penultimate (the input of the classifier), last (the output of the last convolution); "


@pytest.fixture(scope="module")
def network() -> Network:
    return five_by_five(10, 28, widths=(4, 4, 4, 4), hidden=8)


@pytest.mark.parametrize(("level", "number"), [(0, 0), (3, 3), ("penultimate", 5), ("last", 4)])
def test_one_for_all(network: Network, level: int | str, number: int) -> None:
    assert levels_of(level, NAMES, network, lowest=0) == {"Contrast": number, "Swirl": number}


def test_one_for_each(network: Network) -> None:
    level = {"Swirl": "last", "Invert": 77, "Contrast": 1}  # others may be named
    found = levels_of(level, NAMES, network, lowest=0)
    assert list(found.items()) == [("Contrast", 1), ("Swirl", 4)]  # in the corruptions' order


def test_last_and_penultimate_may_be_the_same() -> None:
    assert levels_of("last", NAMES, resnet18(10, 32), 0) == levels_of("penultimate", NAMES, resnet18(10, 32), 0)


@pytest.mark.parametrize("level", [6, -1, 1.0, "fist", "auto", True, None])
def test_no_such_level(network: Network, level: Any) -> None:
    allowed = ", ".join(network.block_names)
    for key, given in (("method.level", level), ("method.level.Swirl", {"Contrast": 1, "Swirl": level})):
        with pytest.raises(UserError) as raised:
            levels_of(given, NAMES, network, lowest=0)
        message = f"{key}={level}: allowed are 0..5, the inputs of {allowed}, {WORDS}method.level=auto searches."
        assert str(raised.value).removesuffix(" Did you mean 'last'?") == message


def test_a_misspelt_word(network: Network) -> None:
    with pytest.raises(UserError, match=r"Did you mean 'penultimate'\?$"):
        levels_of("penultimte", NAMES, network, lowest=0)


def test_level_0_where_it_makes_no_sense(network: Network) -> None:
    allowed = ", ".join(network.block_names[1:])
    with pytest.raises(UserError, match=re.escape(f"method.level=0: allowed are 1..5, the inputs of {allowed}, ")):
        levels_of(0, NAMES, network, lowest=1)


def test_a_corruption_without_level(network: Network) -> None:
    message = "method.level has no level for Swirl; it names Contrast, Swril."
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        levels_of({"Contrast": 1, "Swril": 2}, NAMES, network, lowest=0)


@pytest.mark.parametrize(
    ("method", "level", "message"),
    [
        ("modules", "9", "allowed are 0..5"),
        ("modules", "first", "allowed are 0..5"),
        ("contrastive", "0", "allowed are 1..5"),
        ("contrastive", "{Contrast:0,Rotate90:1}", "allowed are 1..5"),
        ("contrastive", "{Contrast:1}", "method.level has no level for Rotate90; it names Contrast."),
    ],
)
def test_told_before_any_training(
    run: Callable[..., Path], epochs: dict[str, int], method: str, level: str, message: str
) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        run(f"method={method}", f"method.level={level}")
    assert not epochs
