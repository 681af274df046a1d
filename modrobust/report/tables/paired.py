"""Differences between lines on the same seeds and the same compositions."""

import pandas as pd

from modrobust.report.read.lines import TABLE
from modrobust.report.read.pending import of_table
from modrobust.report.tables.by_length import BOOTSTRAP, Notes, by_number, lines_of, section, tables, with_names
from modrobust.report.tables.formats import Table

PAIRS = 20  # lines of a table, up to which all pairs of them are compared
_SAME = [*TABLE, "seed", "composition"]


def paired_table(
    rows: pd.DataFrame, waiting: pd.DataFrame, notes: Notes, draws: int = 0, all_pairs: bool = True
) -> Table:
    """Differences of accuracy (percentage points) between lines, by number of corruptions.

    People read those against each table's first line (cross_entropy where it was run).

    Args:
        rows, waiting, notes, draws: see `main.main_table`.
        all_pairs: the numbers are of all pairs of lines, with more than PAIRS lines too many; else of those read.
    """
    sections, numbers = [], []
    for key, table in tables(rows):
        lines = lines_of(table)
        references = lines[:-1] if all_pairs and len(lines) <= PAIRS else lines[:-1][:1]
        for i, reference in enumerate(references):
            others = table[table["line"].isin(lines[i + 1 :])]
            cells = by_number(differences(others, table[table["line"] == reference]), "difference", table, draws)
            numbers.append(cells.assign(against=reference))
            if i == 0:
                what = f"mean and 95 % interval{BOOTSTRAP if draws else ''} over the n seeds that both have"
                title = (
                    f"Difference of accuracy (percentage points) to {reference} on {' '.join(key)}, on the same seeds "
                    f"and compositions, by number of corruptions; {what}"
                )
                below = notes.get(key, ())
                sections.append(section(title, cells, "difference", others, of_table(waiting, *key), below))
    found = pd.concat(numbers, ignore_index=True) if numbers else pd.DataFrame(columns=["line", "against"])
    return Table("paired", sections, with_names(found, rows))


def differences(rows: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Those of some rows of which a reference has the seed and composition.

    Returns:
        The rows, and `difference`: their accuracy less that of the reference.
    """
    base = reference[[*_SAME, "accuracy"]].rename(columns={"accuracy": "base"})
    both = rows.merge(base, "inner", _SAME)
    return both.assign(difference=both["accuracy"] - both["base"])
