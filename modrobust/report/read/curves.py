"""Learning curves over runs: what the training of parts told after every epoch."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modrobust.report.say import say

MEASURES = ("loss", "valid_loss", "accuracy", "valid_accuracy")

Curve = NDArray[np.float64]
"""(epochs, MEASURES, seeds); NaN where a seed's training ended earlier, or does not tell a measure."""


def curves(runs: Mapping[str, Sequence[Path]]) -> dict[str, dict[str, Curve]]:
    """The learning curves of parts, without the many of a level search.

    Args:
        runs: a line (method) -> its run folders, one a seed. A run has metrics.jsonl since its training ended.

    Returns:
        line -> part -> curves. A module's level is left out of the part's name, for seeds may differ in it. Accuracies
        are percent.
    """
    with ThreadPoolExecutor(8) as pool:  # a network's file system answers slowly but in parallel
        found: dict[str, dict[str, list[Curve]]] = {line: defaultdict(list) for line in runs}
        folders = [(line, folder) for line, some in runs.items() for folder in some]
        for (line, _), parts in zip(folders, pool.map(_read, (folder for _, folder in folders)), strict=True):
            for part, curve in parts.items():
                found[line][part].append(curve)
    return {line: {part: _stack(some) for part, some in parts.items()} for line, parts in found.items()}


def _read(folder: Path) -> dict[str, Curve]:
    """A run's curves by part, (epochs, MEASURES)."""
    try:
        text = (folder / "metrics.jsonl").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = [line for line in text.splitlines() if not line.startswith('{"part": "search')]
    try:
        rows: list[dict[str, Any]] = json.loads(f"[{','.join(lines)}]")
        parts: dict[str, list[list[float]]] = defaultdict(list)
        for row in rows:
            parts[row["part"]].append([row.get(name, np.nan) for name in MEASURES])
        percent = (1, 1, 100, 100)
        return {re.sub(r"-level\d+$", "", part): np.array(some, float) * percent for part, some in parts.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        say(f"{folder / 'metrics.jsonl'} is damaged: this run has no learning curves.")
        return {}


def _stack(some: Sequence[Curve]) -> Curve:
    stacked = np.full((max(map(len, some)), len(MEASURES), len(some)), np.nan)
    for i, curve in enumerate(some):
        stacked[: len(curve), :, i] = curve
    return stacked
