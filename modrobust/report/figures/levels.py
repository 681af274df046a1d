"""Level search: the validation accuracy that every level reached, and which were chosen."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from modrobust.report.figures.drawing import draw
from modrobust.report.figures.look import COLOURS, LOOK, PAGE, SMALLEST
from modrobust.report.figures.sheets import pages, short_labels
from modrobust.report.read.find import file_of
from modrobust.report.say import say
from modrobust.report.stats.intervals import over_seeds

COLUMNS = ["corruption", "level", "valid_accuracy", "chosen"]
METHODS = 6  # in a figure


def write_levels(rows: pd.DataFrame, folder: Path) -> Iterator[Path]:
    """Write levels_<dataset>.pdf and .png where runs searched levels, and yield the paths.

    Args:
        rows: of results, with `line`; their runs' levels.csv are read.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    for dataset, table in rows.groupby("dataset", observed=True):
        found = levels(table)
        if found.empty:
            continue
        for suffix, number, names in pages(list(found["name"].unique()), METHODS, f"level searches of {dataset}"):
            some = found[found["name"].isin(names)]
            yield from draw(folder / f"levels_{dataset}{suffix}", levelplot, f"{dataset}{number}", some)


def levels(table: pd.DataFrame) -> pd.DataFrame:
    """What every level reached in the searches of some runs.

    Args:
        table: rows of results of one dataset, with `line`.

    Returns:
        A row for each method, corruption and level: name (of the method), corruption, level, accuracy (percent of
        validation images, mean over seeds), interval (half of the 95 % t interval; NaN for one seed), chosen (by how
        many seeds), n (seeds). Empty where no run searched levels.

    Raises:
        UserError: a levels.csv is damaged.
    """
    labels = short_labels(table, variants=False)
    runs = table.sort_values("line")[["line", "run"]].drop_duplicates("run").itertuples(index=False)
    files = [(path, labels[str(line)]) for line, run in runs if (path := file_of(Path(run), "levels.csv"))]
    if not files:
        return pd.DataFrame()
    every = pd.concat([_read(path).assign(name=name) for path, name in files])
    for column in ("name", "corruption"):  # in order of tables, and of the search
        every[column] = pd.Categorical(every[column], every[column].unique(), ordered=True)
    by = ["name", "corruption", "level"]
    cells = over_seeds(every, by, "valid_accuracy")
    chosen = every.groupby(by, observed=True)["chosen"].sum().reset_index()
    return cells.merge(chosen, "left", by).rename(columns={"valid_accuracy": "accuracy"})


def levelplot(title: str, cells: pd.DataFrame) -> Figure:
    """A row for each method, a panel for each corruption; the levels chosen are filled, with the number of seeds.

    Args:
        cells: see `levels`.
    """
    names, corruptions = cells["name"].unique(), cells["corruption"].unique()
    size = (max(PAGE / 2, PAGE / 6 * len(corruptions)), 0.6 + 1.35 * len(names))
    n = "/".join(map(str, sorted(cells["n"].unique())))
    with rc_context(LOOK):
        figure = Figure(size, layout="constrained")
        grid = figure.subplots(len(names), len(corruptions), squeeze=False, sharey=True)
        for (row, column), axes in np.ndenumerate(grid):
            here = cells[(cells["name"] == names[row]) & (cells["corruption"] == corruptions[column])]
            _draw(axes, here.sort_values("level"))
            axes.set_title(corruptions[column] if row == 0 else "")
            axes.set_xlabel("level" if row == len(names) - 1 else "")
            axes.set_ylabel(f"{names[row]}\nvalid. accuracy (%)" if column == 0 else "", fontsize=7)
        low = (cells["accuracy"] - cells["interval"].fillna(0)).min()
        grid[0, 0].set_ylim(max(-2, low - 4), min(112, cells["accuracy"].max() + 12))
        seeds = f"mean and 95 % interval over {n} seeds" if n != "1" else "1 seed"
        figure.suptitle(f"{title}: level search, {seeds}", fontsize=8, x=0.01, ha="left")
        chosen = Line2D([], [], marker="s", markersize=5, color=COLOURS[1], label="chosen (by so many seeds)")
        tried = Line2D([], [], marker="o", markersize=4, color=COLOURS[0], markerfacecolor="white", label="tried")
        figure.legend(handles=[tried, chosen], loc="outside lower center", ncols=2, frameon=False, fontsize=7)
    return figure


def _draw(axes: Axes, here: pd.DataFrame) -> None:
    level, accuracy, chosen = (here[name].to_numpy(float) for name in ("level", "accuracy", "chosen"))
    half = here["interval"].fillna(0).to_numpy(float)
    axes.errorbar(level, accuracy, half, color=COLOURS[0], linewidth=0.9, elinewidth=0.7, capsize=1.5)
    axes.plot(level, accuracy, "o", color=COLOURS[0], markerfacecolor="white", markersize=3.2)
    axes.plot(level[chosen > 0], accuracy[chosen > 0], "s", color=COLOURS[1], markersize=4.4)
    for x, y, above, n in zip(level, accuracy, half, chosen, strict=True):
        if n:
            axes.annotate(
                f"{n:.0f}", (x, y + above), (0, 3), textcoords="offset points", ha="center", fontsize=SMALLEST
            )
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.margins(x=0.12)
    axes.grid(alpha=0.25, linewidth=0.5)


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)[COLUMNS].astype({"level": int, "valid_accuracy": float, "chosen": bool})
    except (OSError, ValueError, KeyError):
        say(f"{path} is damaged: the level search of this run is left out.")
        return pd.DataFrame(columns=COLUMNS)
