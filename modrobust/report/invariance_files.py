"""What is written about invariance: scores, correlations, scatter plots."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from modrobust.report.figures.drawing import draw
from modrobust.report.figures.sheets import Sheet, sheets
from modrobust.report.stats.invariance_scores import COLUMNS, scored
from modrobust.report.tables.by_length import tables
from modrobust.report.tables.formats import write
from modrobust.report.tables.invariance import correlations_table
from modrobust.store.files import write_text


def write_invariance(rows: pd.DataFrame, runs: Sequence[Path], folder: Path) -> Iterator[Path]:
    """Write invariance.csv, correlations.md, .csv and .tex, and scatter plots; nothing where no run has activations.

    Args:
        rows: of results, with `line` and `settings`.
        runs: their folders.
        folder: where to write.

    Returns:
        The files, as they are written; plots are invariance_<dataset>_<split> and, where there are several methods,
        invariance_methods_<dataset>_<split>, as PDF and PNG.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    some = scored(rows, runs)
    if some.empty:
        return
    write_text(folder / "invariance.csv", some[COLUMNS].to_csv(index=False))
    yield folder / "invariance.csv"
    yield from write(correlations_table(some), folder)
    from modrobust.report.figures.invariance import by_method, scatter  # matplotlib takes a while

    for key, table in tables(some):
        sheet = Sheet("_".join(key), ", ".join(key), table, {}, [])  # all methods, however many
        yield from draw(folder / f"invariance_{sheet.name}", scatter, sheet)
    for sheet in sheets(some):
        if len(sheet.labels) > 1:
            yield from draw(folder / f"invariance_methods_{sheet.name}", by_method, sheet)
