"""Means and 95 % intervals over seeds."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

DRAWS = 1_000_000  # drawn at once by the bootstrap: its memory
FEWEST = 3  # numbers that an interval needs: of two, it is 12.7 times half their distance, and tells nothing


def half_width(std: Any, n: Any) -> Any:
    """Of the 95 % t interval of a mean of n numbers of this standard deviation (n - 1); NaN for fewer than three."""
    return stdtrit(np.where(n < FEWEST, np.nan, n - 1), 0.975) * std / n**0.5


def mean_and_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and half width of the 95 % t interval over the last axis, NaN for fewer than one or three numbers."""
    n = values.shape[-1]
    if n < 2:
        mean = values[..., 0] if n else np.full(values.shape[:-1], np.nan)
        return mean, np.full(values.shape[:-1], np.nan)
    return values.mean(-1), half_width(values.std(-1, ddof=1), n)


def over_seeds(by_seed: pd.DataFrame, by: Sequence[str], value: str = "accuracy") -> pd.DataFrame:
    """Mean over seeds.

    Args:
        by_seed: a row for each seed of each cell.
        by: columns that tell a cell.

    Returns:
        A row for each cell, sorted: columns by; value; interval (half width of the 95 % t interval; NaN for fewer than
        three seeds); n (seeds); lowest_seed and highest_seed, their least and greatest value.
    """
    seeds = by_seed.groupby(list(by), observed=True)[value]
    cells = seeds.agg(["mean", "std", "count", "min", "max"]).reset_index()
    half = half_width(cells["std"], cells["count"])
    ends = {"lowest_seed": cells["min"], "highest_seed": cells["max"]}
    return cells[list(by)].assign(**{value: cells["mean"], "interval": half, "n": cells["count"], **ends})


def bootstrap(values: np.ndarray, draws: int) -> tuple[float, float]:
    """The 95 % percentile interval of a mean, by a hierarchical bootstrap: seeds are drawn, and compositions in each.

    Args:
        values: float (seeds, compositions), without NaN.
        draws: how many means are drawn; equal values and draws give the same interval.
    """
    seeds, compositions = values.shape
    generator = np.random.default_rng(0)
    size = max(1, DRAWS // values.size)
    means = []
    for start in range(0, draws, size):
        shape = (min(size, draws - start), seeds)
        drawn = generator.integers(seeds, size=shape, dtype=np.int32)[..., None]
        within = generator.integers(compositions, size=(*shape, compositions), dtype=np.int32)
        means.append(values[drawn, within].mean((1, 2)))
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return float(low), float(high)


def cell(row: Mapping[Hashable, Any], value: str = "accuracy") -> str:
    """A number for people: ``88.3 ± 1.0``, of one seed ``88.3``, of two both; never ``-0.0``.

    Args:
        row: one of `over_seeds`; with a bootstrap also low and high, which follow: ``88.3 ± 1.0 [87.5, 89.2]``.
        value: the column with the mean.
    """
    text = one_decimal(row[value])
    if row["n"] == 2:
        text = f"{one_decimal(row['lowest_seed'])}, {one_decimal(row['highest_seed'])}"
    elif row["n"] >= FEWEST:
        text += f" ± {row['interval']:.1f}"
    return f"{text} [{row['low']:.1f}, {row['high']:.1f}]" if "low" in row else text


def one_decimal(value: float) -> str:
    """Such as ``88.3``, never ``-0.0``."""
    return f"{round(value, 1) + 0.0:.1f}"
