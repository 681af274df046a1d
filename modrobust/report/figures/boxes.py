"""Box plots of accuracy by number of corruptions, with chance and ceiling."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from modrobust.corruption.composition import parse
from modrobust.report.figures.look import COLOURS, HATCHES, LOOK, PAGE, SMALLEST, inches
from modrobust.report.figures.sheets import Sheet

CEILINGS = {"emnist": 89.0, "cifar10": 92.0, "facescrub": 96.0}  # accuracy (%) on clean images (arXiv 2306.09005)
TINT = 0.35  # of a box's colour in its fill


def boxes(rows: pd.DataFrame) -> dict[tuple[str, int], NDArray[np.float64]]:
    """What each box is drawn from.

    Args:
        rows: of results of one dataset and split, with `line`.

    Returns:
        (line, number of corruptions) -> accuracies (percent) of compositions, each the mean over seeds. Identity is
        with the single corruptions. As in the table, only compositions that all seeds of line and number have.
    """
    cell = ["line", "n_corruptions"]
    seeds = rows.groupby(cell, observed=True)["seed"].transform("nunique")
    used = rows[rows.groupby([*cell, "composition"], observed=True)["seed"].transform("nunique") == seeds]
    means = used.groupby([*cell, "composition"], observed=True)["accuracy"].mean().reset_index()
    found = means.assign(number=means["n_corruptions"].clip(lower=1)).groupby(["line", "number"], observed=True)
    return {(line, number): some.to_numpy(float) for (line, number), some in found["accuracy"]}  # type: ignore[misc]


def boxplot(sheet: Sheet, num_classes: int | None) -> Figure:
    """A group of boxes for each number of corruptions, a box for each line.

    Boxes are quartiles over compositions, whiskers reach to the farthest within 1.5 box lengths, diamonds are means,
    circles outliers. Below a box that lacks compositions stands how many it has, as `23 of 30`; without any, `missing`.

    Args:
        sheet: what to draw.
        num_classes: of the dataset, for chance; None where it is not known.
    """
    data, lines = boxes(sheet.rows), list(sheet.labels)
    every = Counter(max(1, len(parse(name))) for name in sheet.compositions)
    numbers = sorted(every)
    legend = [label.replace("\n", ", ") for label in sheet.labels.values()]
    beside = max(1, int(PAGE / (0.55 + max(inches(label, 7) for label in legend))))
    dataset = str(sheet.rows["dataset"].iloc[0])
    with rc_context(LOOK):
        figure = Figure((PAGE, 2.9 + 0.14 * -(-len(lines) // beside)), layout="constrained")
        axes = figure.subplots()
        for i, line in enumerate(lines):
            at = np.arange(len(numbers)) + ((i + 0.5) / len(lines) - 0.5) * 0.84
            found = [data.get((line, number), np.empty(0)) for number in numbers]
            _draw(axes, [some for some in found if len(some)], at[[len(some) > 0 for some in found]], i, len(lines))
            for x, number, some in zip(at, numbers, found, strict=True):
                if len(some) < every[number]:
                    _lacking(axes, x, f"{len(some)} of {every[number]}" if len(some) else "missing")
        names = ["0, 1" if number == 1 and "Identity" in sheet.compositions else str(number) for number in numbers]
        axes.set_xticks(range(len(numbers)), names)
        axes.tick_params("x", length=0)
        axes.set(xlim=(-0.5, len(numbers) - 0.5), ylim=(0, 102), xlabel="number of corruptions", ylabel="accuracy (%)")
        for edge in range(len(numbers) - 1):
            axes.axvline(edge + 0.5, color="0.85", linewidth=0.5, zorder=0)
        axes.set_title(f"{sheet.title}: boxes over compositions, each {sheet.seeds}", loc="left")
        _levels(axes, {"chance": 100 / num_classes if num_classes else None, "ceiling": CEILINGS.get(dataset)})
        handles = [Patch(**_fill(i)) for i in range(len(lines))]
        figure.legend(
            handles, legend, loc="outside upper center", ncols=min(beside, len(lines)), frameon=False, fontsize=7
        )
    return figure


def _draw(axes: Axes, found: list[NDArray[np.float64]], at: NDArray[np.floating[Any]], i: int, of: int) -> None:
    if not found:
        return
    edge = {"color": COLOURS[i % len(COLOURS)], "linewidth": 0.7}
    axes.boxplot(
        found,
        positions=at,
        widths=0.84 / of * 0.78,
        manage_ticks=False,
        patch_artist=True,
        showmeans=True,
        boxprops=_fill(i),
        whiskerprops=edge,
        capprops=edge,
        medianprops={"color": "black", "linewidth": 1.1},
        meanprops={"marker": "D", "markersize": 2.2, "markerfacecolor": "white", "markeredgecolor": "black"}
        | {"markeredgewidth": 0.5},
        flierprops={"marker": "o", "markersize": 1.8, "markeredgecolor": edge["color"], "markeredgewidth": 0.5},
    )


def _lacking(axes: Axes, x: float, text: str) -> None:
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    axes.text(x, 2, text, rotation=90, ha="center", va="bottom", fontsize=SMALLEST, bbox=ground)


def _fill(i: int) -> dict[str, Any]:
    """A light tint below a hatch of the full colour: told apart without colours, too."""
    colour = to_rgb(COLOURS[i % len(COLOURS)])
    tint = tuple(1 - TINT * (1 - part) for part in colour)
    return {"facecolor": tint, "edgecolor": colour, "hatch": HATCHES[i % len(HATCHES)], "linewidth": 0.7}


def _levels(axes: Axes, levels: Mapping[str, float | None]) -> None:
    """Labelled lines across, beside which their names stand."""
    for (name, level), dashes in zip(levels.items(), ((0, (4, 2)), (0, (1, 1))), strict=True):
        if level is not None:
            axes.axhline(level, color="0.25", linestyle=dashes, linewidth=0.9, zorder=1)
            text = f"{name}\n{level:.3g}"
            axes.text(1.005, level, text, transform=axes.get_yaxis_transform(), fontsize=7, va="center")
