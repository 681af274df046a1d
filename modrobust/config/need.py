"""What a value must be: a test, and the words for it in a message. Imports no torch."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modrobust.config.typed import typed
from modrobust.errors import nearest


@dataclass(frozen=True)
class Need:
    """What one key needs.

    Attributes:
        words: complete the sentence "... is needed", or a whole sentence of their own.
        fits: whether a value, a plain one or a plain container, is right.
        node: the keys below have needs of their own.
        choices: the words that are allowed, where others can be misspelt.
    """

    words: str
    fits: Callable[[Any], bool]
    node: bool = False
    choices: tuple[str, ...] = ()

    def message(self, key: str, value: Any) -> str:
        """The line for a wrong value."""
        hint = nearest(value, self.choices) if isinstance(value, str) else ""
        if isinstance(value, str) and self.fits(typed(value)):
            hint = " It is text now: leave out its quotes; from a variable, write ${oc.decode:${oc.env:NAME}}."
        return f"{key}={text_of(value)}: {self.words} is needed.{hint}"


def text_of(value: Any) -> str:
    """A value as people type it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(map(text_of, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{text_of(one)}' for key, one in value.items())}}}"
    return str(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def whole(least: int, most: int | None = None) -> Need:
    """A whole number within bounds, which are allowed themselves."""
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    high = math.inf if most is None else most
    return Need(f"a whole number {bounds}", lambda x: _is_whole(x) and least <= x <= high)


def size(least: int) -> Need:
    """Height and width in pixels: a whole number for both, or [height,width]."""
    side = whole(least)
    pair = many(side, length=2)
    return Need(f"{side.words}, or [height,width] of such,", lambda x: side.fits(x) or pair.fits(x))


def number(least: float, most: float | None = None) -> Need:
    """A finite number within bounds, which are allowed themselves."""
    bounds = f"of at least {least:g}" if most is None else f"from {least:g} to {most:g}"
    high = math.inf if most is None else most
    return Need(f"a number {bounds}", lambda x: _is_number(x) and least <= x <= high)


def above(low: float, most: float | None = None) -> Need:
    """A finite number above a bound that is not allowed itself."""
    bounds = f"above {low:g}" if most is None else f"above {low:g}, up to {most:g},"
    high = math.inf if most is None else most
    return Need(f"a number {bounds}", lambda x: _is_number(x) and low < x <= high)


def choice(*names: str) -> Need:
    """One of some words."""
    listed = f"{', '.join(names[:-1])} or {names[-1]}"
    return Need(listed, lambda x: x in names, choices=names)


def many(one: Need, length: int | None = None, empty: bool = False) -> Need:
    """A list of so many values; of any number, but not of none unless that is said, where no length is given."""
    count = f"{length} values, each" if length else "any length, each value" if empty else "one or more values, each"

    def fits(value: Any) -> bool:
        right = isinstance(value, list) and all(map(one.fits, value))
        return right and (len(value) == length if length else empty or len(value) > 0)

    return Need(f"a list of {count} {one.words},", fits)


def optional(need: Need) -> Need:
    """Null, too."""
    return Need(f"{need.words.rstrip(',')}, or null,", lambda x: x is None or need.fits(x), need.node, need.choices)


def matching(pattern: str, words: str) -> Need:
    """Text that a regular expression matches as a whole."""
    return Need(words, lambda x: isinstance(x, str) and re.fullmatch(pattern, x) is not None)


anything = Need("anything", lambda x: True)
finite = Need("a number", _is_number)
flag = Need("true or false", lambda x: isinstance(x, bool))
text = Need("text that is not empty", lambda x: isinstance(x, str) and x.strip() != "")
name = matching(r"\w[\w.-]*", "a name of letters, digits, _, - and .")
