"""Learning curves: loss and accuracy of every trained part by epochs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from modrobust.report.figures.drawing import draw
from modrobust.report.figures.look import COLOURS, DASHES, LOOK, PAGE, inches
from modrobust.report.figures.sheets import pages, short_labels
from modrobust.report.read.curves import MEASURES, Curve, curves
from modrobust.report.stats.intervals import mean_and_interval

ACROSS = 4  # methods beside each other
PANELS = 8  # methods in a figure
HEIGHT = 1.5  # of a panel, inches
PIECE = "(module or autoencoder)"
APART = 10  # losses that differ more have a logarithmic axis
PANEL_ROWS = {"loss": ("loss", "valid_loss"), "accuracy (%)": ("accuracy", "valid_accuracy")}


def write_curves(rows: pd.DataFrame, folder: Path) -> Iterator[Path]:
    """Write learning_<dataset>.pdf and .png, several where methods are many, and yield the paths.

    Args:
        rows: of results, with `line`; their runs' metrics.jsonl are read.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    for dataset, table in rows.groupby("dataset", observed=True):
        labels = short_labels(table, variants=False)
        by_name: dict[str, list[Path]] = {name: [] for name in labels.values()}
        for line, run in table[["line", "run"]].drop_duplicates("run").itertuples(index=False):
            by_name[labels[str(line)]].append(Path(run))
        found = {name: parts for name, parts in curves(by_name).items() if parts}
        for suffix, number, names in pages(list(found), PANELS, f"learning curves of {dataset}"):
            some = {name: found[name] for name in names}
            yield from draw(folder / f"learning_{dataset}{suffix}", learning, f"{dataset}{number}", some)


def learning(title: str, found: Mapping[str, Mapping[str, Curve]]) -> Figure:
    """A panel of losses and one of accuracies for each method, a line for each part.

    Thick lines are of the validation images, with the interval over seeds; thin lines of the training images.
    """
    looks = _looks(list(dict.fromkeys(_told(part) for some in found.values() for part in some)))
    across = min(ACROSS, len(found))
    down = -(-len(found) // across)
    handles = [Line2D([], [], **looks[told], label=told) for told in looks]
    handles += [Line2D([], [], color="0.4", linewidth=0.6, label="training images (thick: validation)")]
    width = PAGE if across > 1 else PAGE / 2
    beside = max(1, int(width / (0.6 + max(inches(str(handle.get_label()), 7) for handle in handles))))
    size = (width, 0.35 + 2 * HEIGHT * down + 0.14 * -(-len(handles) // beside))
    with rc_context(LOOK):
        figure = Figure(size, layout="constrained")
        grid = figure.subplots(2 * down, across, squeeze=False)
        for i in range(down * across):
            pair = grid[2 * (i // across) : 2 * (i // across) + 2, i % across]
            if i >= len(found):
                for axes in pair:
                    axes.remove()
                continue
            name, some = list(found.items())[i]
            for axes, (label, measures) in zip(pair, PANEL_ROWS.items(), strict=True):
                for part, curve in some.items():
                    _draw(axes, curve, measures, looks[_told(part)])
                axes.set_ylabel("" if i % across else label)
                axes.grid(alpha=0.25, linewidth=0.5)
                axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
            n = max(curve.shape[-1] for curve in some.values())
            pair[0].set_title(f"{name}\n({n} seed{'s' if n > 1 else ''})", fontsize=7)
            _logarithmic(pair[0])
            pair[1].set(ylim=(0, 102), xlabel="epoch")
        figure.suptitle(f"{title}: mean and 95 % interval over seeds", fontsize=8, x=0.01, ha="left")
        figure.legend(
            handles=handles, loc="outside lower center", ncols=min(beside, len(handles)), frameon=False, fontsize=7
        )
    return figure


def _draw(axes: Axes, curve: Curve, measures: Sequence[str], looks: Mapping[str, Any]) -> None:
    mean, half = mean_and_interval(curve)
    epochs = np.arange(1, len(mean) + 1)
    train, valid = (MEASURES.index(measure) for measure in measures)
    marker: dict[str, Any] = {"marker": "o", "markersize": 2} if len(epochs) == 1 else {}
    axes.plot(epochs, mean[:, train], linewidth=0.5, color=looks["color"])
    axes.plot(epochs, mean[:, valid], linewidth=1.2, **looks, **marker)
    low, high = mean[:, valid] - half[:, valid], mean[:, valid] + half[:, valid]
    axes.fill_between(epochs, low, high, color=looks["color"], alpha=0.15, linewidth=0)


def _logarithmic(axes: Axes) -> None:
    """Where losses lie far apart; otherwise hardly a tick would have a number."""
    losses = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines])
    losses = losses[np.isfinite(losses)]
    if len(losses) and 0 < APART * losses.min() < losses.max():
        axes.set_yscale("log")
        axes.set_ylim(0.7 * losses.min(), 1.4 * losses.max())
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())


def _told(part: str) -> str:
    """What the legend calls a part: ``module-Swirl`` and ``autoencoder-Swirl`` are not in one panel."""
    piece, _, corruption = part.partition("-")
    return f"{corruption} {PIECE}" if piece in ("module", "autoencoder") else part


def _looks(told: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Networks are black and differ in dashes; pieces for one corruption have its colour."""
    networks = sorted(name for name in told if not name.endswith(PIECE))
    pieces = [name for name in told if name.endswith(PIECE)]
    black = {name: {"color": "black", "linestyle": DASHES[i % len(DASHES)]} for i, name in enumerate(networks)}
    colours = [colour for colour in COLOURS if colour != "#000000"]
    return black | {
        name: {"color": colours[i % len(colours)], "linestyle": DASHES[i % len(DASHES)]}
        for i, name in enumerate(pieces)
    }
