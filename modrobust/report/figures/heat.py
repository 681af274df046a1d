"""Heat maps of accuracy and loss: compositions down, methods across, the orders of a combination beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from modrobust.report.figures.look import LOOK, PAGE, SEQUENTIAL, SMALLEST, inches
from modrobust.report.figures.sheets import Sheet
from modrobust.report.stats.combinations import abbreviate, by_length, meaning

PIECE = 36  # rows of one combination that are kept together
ROW = 0.1  # inches: 6 points of text and a little
MOST = 42  # rows below each other, for a page
ACROSS = 3  # stacks of rows beside each other
HEADING = 1.7  # rows, above the compositions of one length
CELL = 0.13  # least width of a cell, inches
LINE = 0.1  # inches, of text of the smallest size
LEAST_LOSS = 1e-3  # end of the scale
_MAP = {Normalize: SEQUENTIAL, LogNorm: f"{SEQUENTIAL}_r"}  # the brighter the better
MISSING: dict[str, Any] = {"facecolor": "white", "edgecolor": "0.55", "hatch": "//////", "linewidth": 0}


@dataclass(frozen=True)
class Block:
    """Combinations of one length, which stand below each other.

    Attributes:
        heading: such as ``3 corruptions``.
        combinations: each with the names of its orders.
    """

    heading: str
    combinations: list[Sequence[str]]

    @property
    def names(self) -> list[str]:
        return [name for orders in self.combinations for name in orders]

    @property
    def height(self) -> float:
        return HEADING + len(self.names)


def cells(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """What the heat map is drawn from: a row for each composition, a column for each line; mean over seeds.

    Args:
        rows: of results of one dataset and split, with `line`.
        value: accuracy (percent) or loss.

    Returns:
        NaN where there are no results, or the mean is not finite.
    """
    means = rows.groupby(["composition", "line"], observed=True)[value].mean().unstack()
    return means.where(np.isfinite(means))


def heatmap(sheet: Sheet, value: str) -> Figure:
    """Compositions by length, then combination, in stacks beside each other; missing cells are hatched.

    Args:
        sheet: what to draw.
        value: accuracy or loss; the brighter the better, the loss on a logarithmic scale.
    """
    table = cells(sheet.rows, value).reindex(index=sheet.compositions, columns=list(sheet.labels))
    shades = _shades(value, table)
    stacks = _stacks(by_length(sheet.compositions))
    left = 0.12 + max(inches(abbreviate(name), SMALLEST) for name in sheet.compositions)
    across = min(ACROSS, len(stacks) + 1)
    least = max(CELL, LINE * max(label.count("\n") + 1 for label in sheet.labels.values()))
    cell = max(least, (PAGE / ACROSS - left) / max(4, len(sheet.labels)))
    top = 0.1 + max(inches(label, SMALLEST) for label in sheet.labels.values())
    bands = [stacks[i : i + across] for i in range(0, len(stacks), across)]  # the key comes after the last stack
    if len(bands[-1]) == across:
        bands.append([])
    heights = [top + ROW * max((sum(block.height for block in stack) for stack in band), default=8) for band in bands]
    what = {"accuracy": "accuracy (%)", "loss": "loss (nats)"}[value]
    title = f"{sheet.title}: {what}, {sheet.seeds}"
    size = max(across * (left + cell * len(sheet.labels)), 0.1 + inches(title, 8)), 0.3 + sum(heights)
    with rc_context(LOOK):
        figure = Figure(size)
        figure.text(0.05 / size[0], 1 - 0.17 / size[1], title)
        for down, band in zip(accumulate([0.25, *heights]), [*bands, []], strict=True):
            for i, stack in enumerate(band):
                rows = sum(block.height for block in stack)
                place = (i * (left + cell * len(table.columns)) + left, size[1] - down - top - ROW * rows)
                axes = _axes(figure, *place, cell * len(table.columns) - 0.06, ROW * rows)
                _draw(axes, stack, table, shades, list(sheet.labels.values()))
        used = len(bands[-1]) * (left + cell * len(table.columns))
        _key(figure, used + 0.3, heights[-1], table, shades, what)
    return figure


def _stacks(lengths: Mapping[int, Sequence[Sequence[str]]]) -> list[list[Block]]:
    """Blocks below each other as long as they fit; a length too long for a stack of its own goes on in the next one."""
    stacks: list[list[Block]] = [[]]
    room: float = MOST
    first = {1: [*lengths.get(0, []), *lengths.get(1, [])]}  # Identity is with the single ones
    for length, combinations in {**first, **{n: some for n, some in lengths.items() if n > 1}}.items():
        heading = {1: "0, 1 corruptions" if 0 in lengths else "1 corruption"}.get(length, f"{length} corruptions")
        pieces = [orders[i : i + PIECE] for orders in combinations for i in range(0, len(orders), PIECE)]
        fits = room < HEADING + sum(map(len, pieces)) <= MOST  # but only in a stack of its own
        block: Block | None = None
        for orders in pieces:
            new = block is None
            if room < len(orders) + HEADING * new or (new and fits):
                stacks.append([])
                room, new = MOST, True
            if block is None or new:
                block = Block(heading if block is None else f"{heading}, continued", [])
                stacks[-1].append(block)
                room -= HEADING
            block.combinations.append(orders)
            room -= len(orders)
    return [stack for stack in stacks if stack]


def _draw(axes: Axes, stack: Sequence[Block], table: pd.DataFrame, shades: Normalize, labels: Sequence[str]) -> None:
    """One stack; a unit down is a row, a unit across is a line of the sheet."""
    at, ticks = 0.0, dict[float, str]()
    for block in stack:
        start = at = at + HEADING
        values = np.ma.masked_invalid(table.loc[block.names].to_numpy(float))
        axes.text(0, start - 0.35, block.heading, fontsize=SMALLEST + 0.5, weight="bold")
        axes.add_patch(Rectangle((0, start), len(labels), len(values), **MISSING))
        rows = np.arange(len(values) + 1) + start
        axes.pcolormesh(np.arange(len(labels) + 1), rows, values, norm=shades, cmap=_MAP[type(shades)], linewidth=0)
        ticks |= {start + i + 0.5: abbreviate(name) for i, name in enumerate(block.names)}
        at = start + len(values)
        ends = start + np.cumsum([len(orders) for orders in block.combinations])[:-1]
        axes.hlines(ends, 0, len(labels), color="white", linewidth=1.3)
    axes.vlines(range(1, len(labels)), 0, at, color="white", linewidth=0.4)
    axes.set(xlim=(0, len(labels)), ylim=(at, 0))
    beside = axes.get_yaxis_text1_transform(1.5)[0]
    for y, name in ticks.items():  # plain texts: a tick has nine parts, which are all laid out
        axes.text(0, y, name, transform=beside, ha="right", va="center_baseline", fontsize=SMALLEST)
    axes.yaxis.set_visible(False)
    axes.set_xticks(np.arange(len(labels)) + 0.5, labels, fontsize=SMALLEST, rotation=90, linespacing=1)
    axes.tick_params(length=0, pad=1.5, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)


def _key(figure: Figure, left: float, height: float, table: pd.DataFrame, shades: Normalize, what: str) -> None:
    """In the free place at the lower right: the scale, what is missing, what the abbreviations mean."""
    width = min(1.6, figure.get_figwidth() - left - 0.2)
    axes = _axes(figure, left, height - 0.55, width, 0.1)
    scale = figure.colorbar(ScalarMappable(shades, _MAP[type(shades)]), axes, orientation="horizontal")
    if isinstance(shades, LogNorm):
        ticks = np.geomspace(shades.vmin or LEAST_LOSS, shades.vmax or 1, 4)
        scale.set_ticks(ticks.tolist(), labels=[f"{tick:.2g}" for tick in ticks])
        scale.minorticks_off()
    scale.set_label(what, fontsize=7)
    scale.ax.tick_params(labelsize=SMALLEST, length=2)
    lines = meaning(table.index).split(", ")
    if table.isna().to_numpy().any():
        handles = [Patch(label="missing, or not finite", **MISSING)]
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, -4.2), frameon=False, fontsize=7, borderpad=0)
    axes.text(0, -6.5, "\n".join(lines), transform=axes.transAxes, va="top", fontsize=7)


def _shades(value: str, table: pd.DataFrame) -> Normalize:
    if value == "accuracy":
        return Normalize(0, 100)
    known = table.to_numpy(float)[table.notna().to_numpy()]
    low, high = (known.min(), known.max()) if len(known) else (1, 1)
    low = max(low, LEAST_LOSS)
    return LogNorm(low, max(high, 1.01 * low), clip=True)


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """At a place in inches."""
    size = figure.get_size_inches()
    return figure.add_axes((left / size[0], bottom / size[1], width / size[0], height / size[1]))
