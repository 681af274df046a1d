"""Accuracy by severity: a panel for each number of corruptions, a line for each method."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from modrobust.evaluation.corruption_error import COMPUTED
from modrobust.report.figures.drawing import draw
from modrobust.report.figures.look import LOOK, PAGE, inches, look
from modrobust.report.figures.sheets import LINES, pages, short_labels
from modrobust.report.read.lines import TABLE
from modrobust.report.stats.intervals import over_seeds

ACROSS = 4  # panels beside each other
HEIGHT = 1.7  # of a panel, inches


def write_severities(severities: pd.DataFrame, folder: Path) -> Iterator[Path]:
    """Write severities_<dataset>_<split>[_<images>].pdf and .png and yield the paths.

    Args:
        severities: see `read.severities`.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    for key, some in severities.groupby([*TABLE, "images"], observed=True, sort=False):
        told = [str(one) for one in key if one != COMPUTED]
        labels = short_labels(some)
        for suffix, number, lines in pages(list(labels), LINES, f"figures of severities of {' '.join(told)}"):
            here = some[some["line"].isin(lines)]
            stem, title = folder / f"severities_{'_'.join(told)}{suffix}", f"{', '.join(told)}{number}"
            yield from draw(stem, by_severity, title, here, {line: labels[line] for line in lines})


def by_severity(title: str, rows: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Means over compositions, then over seeds with their 95 % interval.

    Args:
        title: stands above.
        rows: those of one dataset, split and kind of images.
        labels: what each line is called.
    """
    by = ["line", "n_corruptions", "severity"]
    means = rows.groupby([*by, "seed"], observed=True)["accuracy"].mean().reset_index()
    cells = over_seeds(means, by)
    numbers = sorted(cells["n_corruptions"].unique())
    across = min(ACROSS, len(numbers))
    down = -(-len(numbers) // across)
    names = [label.replace("\n", ", ") for label in labels.values()]
    beside = max(1, int(PAGE / (0.6 + max(inches(name, 7) for name in names))))
    height = 0.4 + HEIGHT * down + 0.14 * -(-len(names) // beside)
    with rc_context(LOOK):
        figure = Figure((PAGE, height), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False, sharey=True)
        for axes, number in zip(grid.flat, numbers, strict=False):
            for i, line in enumerate(labels):
                some = cells[(cells["line"] == line) & (cells["n_corruptions"] == number)]
                mean, half = some["accuracy"].to_numpy(float), np.nan_to_num(some["interval"].to_numpy(float))
                axes.plot(some["severity"], mean, **look(i), label=names[i])
                axes.fill_between(some["severity"], mean - half, mean + half, color=look(i)["color"], alpha=0.15, lw=0)
            axes.set_title(f"{number} corruption{'s' if number > 1 else ''}", fontsize=7)
            axes.set(ylim=(0, 102), xlabel="severity", xticks=sorted(cells["severity"].unique()))
            axes.grid(alpha=0.25, linewidth=0.5)
        for axes in grid.flat[len(numbers) :]:
            axes.remove()
        for row in grid:
            row[0].set_ylabel("accuracy (%)")
        seeds = rows["seed"].nunique()
        figure.suptitle(
            f"{title}: mean over compositions, {seeds} seed{'s' if seeds > 1 else ''}", fontsize=8, x=0.01, ha="left"
        )
        handles, _ = grid[0, 0].get_legend_handles_labels()
        figure.legend(
            handles, names, loc="outside lower center", ncols=min(beside, len(names)), frameon=False, fontsize=7
        )
    return figure
