"""What is written about invariance: scores and correlations."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from modrobust.files import write_text
from modrobust.report.correlations import correlations_table
from modrobust.report.formats import write
from modrobust.report.invariance_scores import COLUMNS, scored


def write_invariance(rows: pd.DataFrame, runs: Sequence[Path], folder: Path) -> Iterator[Path]:
    """Write invariance.csv, correlations.md, .csv and .tex; nothing where no run has activations.

    Args:
        rows: of results, with `line` and `settings`.
        runs: their folders.
        folder: where to write.

    Returns:
        The files, as they are written.

    Raises:
        UserError: an activations.npz is damaged, the disk full or the folder read-only.
    """
    some = scored(rows, runs)
    if some.empty:
        return
    write_text(folder / "invariance.csv", some[COLUMNS].to_csv(index=False))
    yield folder / "invariance.csv"
    yield from write(correlations_table(some), folder)
