"""The main table: accuracy by number of corruptions, with what cannot be told from the best in bold."""

import pandas as pd

from modrobust.report.read.pending import of_table
from modrobust.report.stats.intervals import FEWEST
from modrobust.report.tables.by_length import BOOTSTRAP, Notes, by_number, lines_of, section, tables, with_names
from modrobust.report.tables.formats import Table
from modrobust.report.tables.paired import differences

BOLD = (
    f"Bold: the highest of a column, and what a paired t test (95 %, at least {FEWEST} seeds that both have) "
    "does not tell from it."
)


def main_table(rows: pd.DataFrame, waiting: pd.DataFrame, notes: Notes, draws: int = 0) -> Table:
    """Accuracy (percent) of every line by number of corruptions.

    Args:
        rows: of results, with `line`.
        waiting: runs without results (see `pending`): the cells that only they could fill are missing.
        notes: stand below.
        draws: of the bootstrap, 0 for none.
    """
    cells = by_number(rows, "accuracy", rows, draws)
    what = f"mean and 95 % interval{BOOTSTRAP if draws else ''} over n seeds"
    sections = []
    for key, table in tables(rows):
        title = f"Accuracy (%) on {' '.join(key)}, by number of corruptions; {what}"
        bold = best(table)
        below = [*([BOLD] if bold else []), *notes.get(key, ())]
        sections.append(section(title, cells, "accuracy", table, of_table(waiting, *key), below, bold))
    return Table("table", sections, with_names(cells, rows))


def best(table: pd.DataFrame) -> set[tuple[str, int]]:
    """What cannot be told from the best of its column.

    Args:
        table: rows of results of one dataset and split, with `line`.

    Returns:
        (line, number of corruptions): the highest mean, and all whose difference to it, on the same seeds and
        compositions, has a 95 % t interval that reaches 0. Fewer seeds than FEWEST are no test: none of such.
    """
    if len(lines_of(table)) < 2:
        return set()
    means = table.groupby(["line", "n_corruptions", "seed"], observed=True)["accuracy"].mean()
    of_line = means.groupby(["n_corruptions", "line"], observed=True).mean()
    highest = of_line.groupby("n_corruptions").idxmax().to_list()
    column = table.set_index(["n_corruptions", "line"]).index
    cells = by_number(differences(table, table[column.isin(highest)]), "difference", table)
    alike = cells[(cells["n"] >= FEWEST) & (cells["difference"] + cells["interval"] >= 0)]
    return set(zip(alike["line"].astype(str), alike["n_corruptions"], strict=True))
