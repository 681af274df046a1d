"""All figures over runs of images with classes, as PDF and PNG."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from modrobust.report.figures.boxes import boxplot
from modrobust.report.figures.drawing import draw
from modrobust.report.figures.heat import heatmap
from modrobust.report.figures.images import write_images
from modrobust.report.figures.levels import write_levels
from modrobust.report.figures.sheets import sheets
from modrobust.report.figures.training import write_curves


def write_figures(rows: pd.DataFrame, num_classes: Mapping[Path, int | None], folder: Path) -> Iterator[Path]:
    """Write them, and yield their paths; equal runs, equal files.

    A box plot and heat maps of accuracy and loss for each dataset and split; learning curves, level search, and images
    for each dataset, as far as runs have left what they need.

    Args:
        rows: of results, with `line` (see `tables.rows_of`).
        num_classes: of the runs' data, for chance.
        folder: where to.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    for sheet in sheets(rows):
        classes = [num_classes.get(Path(run)) for run in sheet.rows["run"].unique()]
        yield from draw(folder / f"boxplot_{sheet.name}", boxplot, sheet, next(filter(None, classes), None))
        for value in ("accuracy", "loss"):
            yield from draw(folder / f"heatmap_{value}_{sheet.name}", heatmap, sheet, value)
    for write in (write_curves, write_levels, write_images):
        yield from write(rows, folder)
