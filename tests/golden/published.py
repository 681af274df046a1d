"""What tests compare with the values of the published code, as one table: pytest -m published."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

published = pytest.mark.published
"""Marks a test whose values are those of the published code."""


@dataclass
class Comparison:
    """Attributes: values (how many), difference (the largest), largest (of the published ones, without sign)."""

    values: int = 0
    difference: float = 0.0
    largest: float = 0.0


compared: dict[str, Comparison] = {}
"""By what is compared."""


def compare(what: str, ours: Any, theirs: Any) -> None:
    """Keep how far ours are from the published values, for the table; the test asserts for itself.

    Args:
        what: for people; comparisons of the same name are one line.
        ours, theirs: numbers or tensors of one shape, or lists of anything: 0 where they are equal, else 1.
    """
    line = compared.setdefault(what, Comparison())
    if isinstance(theirs, list) and isinstance(ours, list) and (not theirs or not isinstance(theirs[0], float)):
        line.values += len(theirs)
        line.difference = max(line.difference, float(ours != theirs))
        return
    a, b = (np.asarray(values, np.float64) for values in (ours, theirs))
    line.values += b.size
    line.difference = max(line.difference, float(abs(a - b).max()))
    line.largest = max(line.largest, float(abs(b).max()))


def table() -> list[str]:
    """Lines of Markdown."""
    head = ["| what | values | largest difference | largest value |", "|---|---|---|---|"]
    rows = [
        f"| {what} | {one.values:,} | {'none' if one.difference == 0 else f'{one.difference:.1g}'} | "
        f"{f'{one.largest:.3g}' if one.largest else '-'} |"
        for what, one in sorted(compared.items())
    ]
    return [*head, *rows]
