"""The tables of image runs, as files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from modrobust.files import write_text
from modrobust.report.table import markdown, over_seeds


def write_tables(rows: pd.DataFrame, runs: Sequence[Path], folder: Path) -> Iterator[Path]:
    """Write table.md and table.csv, and yield their paths.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    table = over_seeds(rows)
    for name, text in (("table.md", f"{markdown(table)}\n"), ("table.csv", table.to_csv(index=False))):
        write_text(folder / name, text)
        yield folder / name
