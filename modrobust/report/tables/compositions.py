"""Accuracy and loss of every composition: mean and interval over seeds."""

import pandas as pd

from modrobust.report.read.pending import of_table
from modrobust.report.stats.intervals import over_seeds
from modrobust.report.tables.by_length import CELL, Notes, tables, with_names
from modrobust.report.tables.formats import Table
from modrobust.report.tables.grid import grid


def compositions_table(rows: pd.DataFrame, waiting: pd.DataFrame, notes: Notes) -> Table:
    """Accuracy (percent) by composition, in the order tested; the numbers have the loss (nats), too.

    Args: see `main.main_table`.
    """
    cells = over_seeds(rows, [*CELL, "composition"])
    loss = over_seeds(rows, [*CELL, "composition"], "loss")
    cells["loss"], cells["loss_interval"] = loss["loss"], loss["interval"]
    tested = {name: i for i, name in enumerate(rows["composition"].unique())}
    cells = cells.sort_values(
        ["dataset", "split", "n_corruptions", "composition", "line"],
        key=lambda column: column.map(tested).astype(int) if column.name == "composition" else column,
    )
    sections = [
        grid(
            f"Accuracy (%) on {' '.join(key)} by composition; mean and 95 % interval over n seeds",
            *(cells[(cells["dataset"] == key[0]) & (cells["split"] == key[1])], "composition", "accuracy", table),
            *(of_table(waiting, *key), notes.get(key, ())),
        )
        for key, table in tables(rows)
    ]
    return Table("compositions", sections, with_names(cells, rows))
