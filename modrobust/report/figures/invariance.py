"""Scatter plots of invariance scores and accuracy, with regression lines by number of corruptions."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from modrobust.report.figures.look import LOOK, PAGE, SMALLEST, look
from modrobust.report.figures.sheets import Sheet
from modrobust.report.stats.correlation import fit
from modrobust.report.tables.invariance import NAMES, PAIRS, points_of

TALL = 9.0  # inches: what a page holds
ROW = 2.2  # inches, of one row of panels, where they are not too many


def scatter(sheet: Sheet) -> Figure:
    """The three plots, all methods together.

    Args:
        sheet: its rows have both scores (see `invariance_scores.scored`).
    """
    title = f"{sheet.title}: a point is a composition of a method, {sheet.seeds}"
    return _figure([("", points_of(sheet.rows))], title, 2.9)


def by_method(sheet: Sheet) -> Figure:
    """The three plots of each line of a sheet, below each other, on equal axes."""
    points = points_of(sheet.rows)
    rows = [(label, points[points["line"] == line]) for line, label in sheet.labels.items()]
    title = f"{sheet.title}: a point is a composition, {sheet.seeds}"
    return _figure(rows, title, min(ROW, TALL / len(rows)))


def _figure(rows: Sequence[tuple[str, pd.DataFrame]], title: str, row: float) -> Figure:
    """Panels: a column for each pair of PAIRS, a row for each group of points."""
    sizes = sorted({int(size) for _, points in rows for size in points["n_corruptions"]})
    with rc_context(LOOK):
        figure = Figure((PAGE, row * len(rows) + 0.5), layout="constrained")
        grid = figure.subplots(len(rows), len(PAIRS), sharex="col", sharey="col", squeeze=False)
        for across, (label, points) in zip(grid, rows, strict=True):
            for axes, (x, y) in zip(across, PAIRS, strict=True):
                _panel(axes, points, x, y, sizes)
            if label:
                name = label.replace("\n", ", ")
                across[0].set_title(f"{name}\n", loc="left", fontsize=7)  # above the line that r stands in
        for i, (x, y) in enumerate(PAIRS):
            grid[-1, i].set_xlabel(NAMES[x])
            grid[len(rows) // 2, i].set_ylabel(NAMES[y])
        figure.suptitle(title, fontsize=8, x=0.01, ha="left")
        legend = [Line2D([], [], **look(i), label=f"{size} corruptions") for i, size in enumerate(sizes)]
        figure.legend(handles=legend, loc="outside lower center", ncols=6, frameon=False, fontsize=7, handlelength=3.5)
    return figure


def _panel(axes: Axes, points: pd.DataFrame, x: str, y: str, sizes: Sequence[int]) -> None:
    """Points and lines by number of corruptions; above, the correlation of all points."""
    for i, size in enumerate(sizes):
        some = points[points["n_corruptions"] == size]
        how = look(i)
        axes.scatter(some[x], some[y], 7, color=how["color"], marker=how["marker"], alpha=0.5, linewidths=0)
        line = fit(some[x], some[y])
        if np.isfinite(line.slope):
            at = np.array([some[x].min(), some[x].max()])
            ends = line.intercept + line.slope * at
            axes.plot(at, ends, color="white", linewidth=2.4, alpha=0.8, zorder=2.5)  # below all lines, above points
            axes.plot(at, ends, color=how["color"], linestyle=how["linestyle"], zorder=3)
    whole = fit(points[x], points[y]).r
    text = f"all points: r = {round(whole, 2) + 0.0:.2f}" if np.isfinite(whole) else "no r: one of the two is constant"
    axes.set_title(text, loc="right", fontsize=SMALLEST)
