"""Tables with a column for each line (method, ...): what is shown for one composition, or one combination."""

from collections.abc import Sequence

import pandas as pd

from modrobust.report.read.pending import lacking
from modrobust.report.stats.intervals import cell
from modrobust.report.tables.by_length import MISSING, lines_of
from modrobust.report.tables.formats import Section

WIDE = 64
"""Lines (methods and settings), above which nobody could read a table with a column, or a matrix, for each."""


def grid(
    title: str,
    cells: pd.DataFrame,
    by: str,
    value: str,
    table: pd.DataFrame,
    waiting: pd.DataFrame,
    notes: Sequence[str],
) -> Section:
    """What people read: a line for each value of a column, in the order of the cells, and a column for each `line`.

    Args:
        cells: columns by, line, value, interval, n.
        by: the column whose values are down the side.
        table: rows of results that tell which lines (methods) there are.
        waiting: the table's runs without results; where a method has no other, it gets a column.
        notes: stand below.
    """
    lines = list(dict.fromkeys([*lines_of(table), *lacking(waiting, table)]))
    if len(lines) > WIDE:
        return left_out(title, len(lines), notes)
    most = table.groupby("line", observed=True)["seed"].nunique().to_dict()
    text = {}
    for row in cells.to_dict("records"):
        lacks = f" (n = {row['n']})" if row["n"] < most[row["line"]] else ""
        text[row[by], row["line"]] = cell(row, value) + lacks
    body = [[str(side), *(text.get((side, line), MISSING) for line in lines)] for side in cells[by].unique()]
    n = ["n", *(str(most.get(line, 0)) for line in lines)]
    return Section(title, [by, *lines], [n, *body], notes)


def left_out(title: str, lines: int, notes: Sequence[str]) -> Section:
    """What stands in the place of a table that is too large to read."""
    reason = f"{lines:,} methods and settings, more than {WIDE}; the CSV has all, or name folders of fewer"
    return Section(title, ["left out"], [[reason]], notes)
