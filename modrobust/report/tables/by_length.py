"""Accuracy by number of corruptions: mean over compositions, then mean and interval over seeds."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from modrobust.report.read.lines import LINE, TABLE
from modrobust.report.read.pending import lacking
from modrobust.report.stats.intervals import bootstrap, cell, over_seeds
from modrobust.report.tables.formats import Section

CELL = [*TABLE, "line", "n_corruptions"]
MISSING = "missing"
BOOTSTRAP = " [and that of a hierarchical bootstrap over seeds and compositions]"

Notes = Mapping[tuple[str, str], Sequence[str]]
"""What stands under the tables of a (dataset, split)."""


def tables(rows: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """The rows of each (dataset, split)."""
    return [
        ((str(key[0]), str(key[1])), some) for key, some in rows.groupby(TABLE, observed=True) if isinstance(key, tuple)
    ]


def by_number(rows: pd.DataFrame, value: str, whole: pd.DataFrame, draws: int = 0) -> pd.DataFrame:
    """A value by CELL: mean over the compositions that all seeds of the cell have, then over seeds.

    Args:
        whole: rows with all compositions that the tables have.

    Returns:
        Columns CELL, value, interval, n (seeds), compositions (how many were averaged), of (how many the table has);
        with draws low and high, of the bootstrap.
    """
    each = [*CELL, "composition"]
    seeds = rows.groupby(CELL, observed=True)["seed"].transform("nunique")
    used = rows[rows.groupby(each, observed=True)["seed"].transform("size") == seeds]
    by_seed = used.groupby([*CELL, "seed"], observed=True)[value].mean().reset_index()
    cells = over_seeds(by_seed, CELL, value)
    count = used.groupby(CELL, observed=True)["composition"].nunique().rename("compositions")
    every = whole.groupby([*TABLE, "n_corruptions"], observed=True)["composition"].nunique().rename("of")
    cells = cells.merge(count.reset_index(), "left", CELL).merge(every.reset_index(), "left", [*TABLE, "n_corruptions"])
    if not draws:
        return cells
    values = used.sort_values([*CELL, "seed", "composition"])[value].to_numpy(float)
    sizes = cells["n"] * cells["compositions"]
    parts = zip(np.split(values, sizes.cumsum().tolist()[:-1]), cells["n"], strict=True)
    low, high = np.array([bootstrap(part.reshape(n, -1), draws) for part, n in parts]).T
    return cells.assign(low=low, high=high)


def with_names(cells: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Cells with the columns LINE in place of `line`, to be read by programs."""
    names = rows[["line", *LINE]].drop_duplicates("line")
    columns = [name for column in cells for name in (LINE if column == "line" else [column])]
    return cells.merge(names, "left", "line")[columns]


def section(
    title: str,
    cells: pd.DataFrame,
    value: str,
    table: pd.DataFrame,
    waiting: pd.DataFrame,
    notes: Sequence[str],
    bold: Collection[tuple[str, int]] = (),
) -> Section:
    """What people read of one table: a line for each `line`, a column for each number of corruptions.

    Args:
        cells: see `by_number`; those of other tables are passed over.
        table: rows of results that tell which lines and columns there are.
        waiting: the table's runs without results; where a method has no other, it gets a line.
        notes: stand below.
        bold: (line, number of corruptions) of cells.
    """
    numbers = sorted(table["n_corruptions"].unique())
    lacks = lacking(waiting, table)
    shown = cells.merge(table[TABLE].drop_duplicates(), "inner", TABLE).astype({"line": "str"})
    most = shown.groupby("line")["n"].max().to_dict()
    text = {
        (row["line"], row["n_corruptions"]): _text(row, value, most[row["line"]]) for row in shown.to_dict("records")
    }
    lines = []
    for line in dict.fromkeys([*lines_of(table), *lacks]):
        n = most.get(line, 0)
        of = f"{n} of {n + lacks[line]}" if line in lacks else str(n)
        lines.append([line, of, *(text.get((line, number), MISSING) for number in numbers)])
    places = [(i, 2 + k) for i, line in enumerate(lines) for k, n in enumerate(numbers) if (line[0], n) in bold]
    return Section(title, ["method", "n", *map(str, numbers)], lines, notes, places)


def lines_of(table: pd.DataFrame) -> list[str]:
    """The lines that some rows have, in order."""
    return list(map(str, table["line"].cat.remove_unused_categories().cat.categories))


def _text(row: Mapping[Hashable, Any], value: str, most: int) -> str:
    """A cell with what it lacks: seeds that others of its line have, compositions that others of its column have."""
    lacks = [f"n = {row['n']}"] if row["n"] < most else []
    if row["compositions"] < row["of"]:
        lacks.append(f"{row['compositions']} of {row['of']} compositions")
    text = cell(row, value)
    return f"{text} ({', '.join(lacks)})" if lacks else text
