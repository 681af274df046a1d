"""What methods say of images besides their classes (diagnostics.csv), by number of corruptions."""

from pathlib import Path

import pandas as pd

from modrobust.report.read.find import file_of
from modrobust.report.read.lines import LINE
from modrobust.report.read.pending import of_table
from modrobust.report.say import say
from modrobust.report.tables.by_length import Notes, by_number, section, tables, with_names
from modrobust.report.tables.formats import Table

KEYS = ["variant", "composition", "n_corruptions"]


def diagnostics_table(rows: pd.DataFrame, waiting: pd.DataFrame, notes: Notes) -> Table:
    """A section for each measure; runs without such a file are passed over.

    Args: see `main.main_table`.
    """
    found = _with_diagnostics(rows)
    measures = [str(name) for name in found if name not in rows]
    every = []
    sections = []
    for name in measures:
        some = found[found[name].notna()]
        cells = by_number(some, name, some)
        every.append(with_names(cells, some).rename(columns={name: "value"}).assign(measure=name))
        for key, table in tables(some):
            title = f"{name} on {' '.join(key)}, by number of corruptions; mean and 95 % interval over n seeds"
            sections.append(section(title, cells, name, table, of_table(waiting, *key).iloc[:0], notes.get(key, ())))
    columns = ["dataset", "split", *LINE, "n_corruptions", "measure", "value", "interval", "n", "compositions", "of"]
    return Table("diagnostics", sections, pd.concat(every)[columns] if every else pd.DataFrame(columns=columns))


def _with_diagnostics(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of results that have diagnostics, each with them."""
    tables = []
    for run in rows["run"].unique():
        if path := file_of(Path(run), "diagnostics.csv"):
            try:
                tables.append(pd.read_csv(path).assign(run=run).set_index([*KEYS, "run"]).astype(float))
            except (OSError, ValueError, KeyError):
                say(f"{path} is damaged: the diagnostics of this run are left out.")
    if not tables:
        return rows.iloc[:0]
    return rows.merge(pd.concat(tables).reset_index(), "inner", [*KEYS, "run"])
