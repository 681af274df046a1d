"""The table of correlations between invariance scores and accuracy."""

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from modrobust.corruption.composition import parse
from modrobust.report.read.lines import LINE, TABLE
from modrobust.report.stats.correlation import clustered_p, fit, relabelled, spread
from modrobust.report.tables.by_length import tables
from modrobust.report.tables.formats import Section, Table

PAIRS = (
    ("elemental_score", "composition_score"),
    ("elemental_score", "accuracy"),
    ("composition_score", "accuracy"),
)
"""(x, y)"""
NAMES = {
    "elemental_score": "elemental invariance",
    "composition_score": "composition invariance",
    "accuracy": "accuracy (%)",
}
ALL = "all"
HEADER = ("method", "corruptions", "points", "slope", "r", "p naive", "p clustered", "r comb.", "p relabelled")
NOTES = (
    "A point is a composition of a method, the mean over seeds. p naive takes points for independent; they are not. "
    "p clustered (CR1, clusters are combinations in any order) assumes that errors of different combinations are "
    "independent, and many clusters. p relabelled (names of corruptions are exchanged in one variable, so that whole "
    "combinations move) assumes that without an association no corruption differs from another; it tests r comb., the "
    "correlation of combinations' means within methods and numbers of corruptions.",
    "-: not defined. The elemental score does not depend on the order, so all orders of all corruptions share one; "
    "fewer than three combinations are no clusters and cannot be exchanged. Many pairs are tested: one p-value in 20 "
    "is below .05 by chance.",
)


def points_of(scored: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds of the compositions that all seeds of a line have.

    Args:
        scored: see `invariance_scores.scored`.

    Returns:
        A row for each dataset, split, line and composition, with n_corruptions, both scores and accuracy.
    """
    by = [*TABLE, "line", "composition", "n_corruptions"]
    seeds = scored.groupby([*TABLE, "line"], observed=True)["seed"].transform("nunique")
    used = scored[scored.groupby(by, observed=True)["seed"].transform("nunique") == seeds]
    return used.groupby(by, observed=True, sort=False)[list(NAMES)].mean().reset_index()


def correlations_table(scored: pd.DataFrame) -> Table:
    """Every pair of PAIRS, for each line and all together, by number of corruptions and over all numbers.

    Args:
        scored: see `invariance_scores.scored`; not empty.

    Returns:
        In long form x, y, points, combinations, slope, r, p (naive), p_clustered (see `clustered_p`), r_combinations,
        p_relabelled and relabellings (see `Relabelled`), and over seeds r_seeds (mean), r_seeds_interval (half width
        of the 95 % t interval), r_seeds_lowest, r_seeds_highest, seeds (in which r is defined).
    """
    found, sections = [], []
    for key, table in tables(scored):
        numbers = pd.DataFrame(_rows(table, points_of(table))).assign(dataset=key[0], split=key[1])
        found.append(numbers)
        for x, y in PAIRS:
            title = f"{NAMES[y].capitalize()} against {NAMES[x]} on {' '.join(key)}"
            some = numbers[(numbers["x"] == x) & (numbers["y"] == y)]
            body = [_cells(row) for row in some.to_dict("records")]
            sections.append(Section(title, [*HEADER, "r over seeds"], body, NOTES))
    names = scored[["line", *LINE]].drop_duplicates().astype(str)
    every = pd.concat(found).merge(names, "left", "line").fillna({"method": ALL}).drop(columns="line")
    first = [*TABLE, *LINE]
    return Table("correlations", sections, every[[*first, *(name for name in every if name not in first)]])


def _rows(table: pd.DataFrame, points: pd.DataFrame) -> Iterator[dict[str, Any]]:
    lines = [str(line) for line in points["line"].drop_duplicates().sort_values()]
    for line in [ALL, *lines] if len(lines) > 1 else lines:
        of_line = points if line == ALL else points[points["line"] == line]
        seeds = table if line == ALL else table[table["line"] == line]
        complete = seeds.groupby("seed")["line"].nunique() == of_line["line"].nunique()
        seeds = seeds[seeds["seed"].map(complete)]
        sizes = sorted(of_line["n_corruptions"].unique())
        for size in [*sizes, None] if len(sizes) > 1 else sizes:
            some = of_line if size is None else of_line[of_line["n_corruptions"] == size]
            by_seed = seeds if size is None else seeds[seeds["n_corruptions"] == size]
            combinations = [tuple(sorted(parse(name))) for name in some["composition"]]
            for x, y in PAIRS:
                line_of = fit(some[x], some[y])
                test = relabelled(some[x], some[y], some["line"].tolist(), combinations)
                over = spread([fit(one[x], one[y]).r for _, one in by_seed.groupby("seed")])
                yield {
                    "line": line,
                    "n_corruptions": f"{sizes[0]}-{sizes[-1]}" if size is None else str(size),
                    **{"x": x, "y": y, "points": line_of.n, "combinations": len(set(combinations))},
                    **{"slope": line_of.slope, "r": line_of.r, "p": line_of.p},
                    "p_clustered": clustered_p(some[x], some[y], combinations),
                    **{"r_combinations": test.r, "p_relabelled": test.p, "relabellings": test.relabellings},
                    **{"seeds": over.n, "r_seeds": over.mean, "r_seeds_interval": over.interval},
                    **{"r_seeds_lowest": over.lowest, "r_seeds_highest": over.highest},
                }


def _cells(row: Mapping[Hashable, Any]) -> list[str]:
    r, half, low, high = (row[f"r_seeds{part}"] for part in ("", "_interval", "_lowest", "_highest"))
    over = "-" if math.isnan(r) else f"{_number(r)}, n = 1"
    if row["seeds"] > 1:
        of = f"{_number(low)}, {_number(high)}"
        over = f"{of}, n = 2" if row["seeds"] == 2 else f"{_number(r)} ± {half:.2f} [{of}], n = {row['seeds']}"
    p = [_p(row[name]) for name in ("p", "p_clustered")]
    slope = "-" if math.isnan(row["slope"]) else f"{row['slope']:.3g}"
    first = [str(row[name]) for name in ("line", "n_corruptions", "points")]
    return [*first, slope, _number(row["r"]), *p, _number(row["r_combinations"]), _p(row["p_relabelled"]), over]


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{round(value, 2) + 0.0:.2f}"  # never -0.00


def _p(value: float) -> str:
    return "-" if math.isnan(value) else "<.001" if value < 0.001 else f"{value:.3f}"
