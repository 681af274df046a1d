"""Figures over runs of structured data: learning curves, and accuracy against a numeric setting."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from modrobust.report.figures.drawing import draw
from modrobust.report.figures.look import LOOK, look
from modrobust.report.read.groups import Group
from modrobust.report.stats.intervals import mean_and_interval
from modrobust.report.tables.structure import setting_keys

ACROSS = 3  # panels beside each other
WIDTH = 3.4  # of a panel, inches
CHARACTERS = 15  # in an inch, about
LOGARITHMIC = 100  # epochs, above which their axis is
Draw = Callable[[Axes, Sequence[Group], Mapping[str, Any], float], None]
"""(a panel, its groups of one line, how the line looks, its place among the lines: 0 for the middle one)"""


def write_figures(groups: Sequence[Group], folder: Path) -> list[Path]:
    """Write curves and one figure for each numeric setting that differs, as PDF and PNG; equal groups, equal files.

    Returns:
        The files: <folder>/curves.pdf and .png, <setting>.pdf and .png.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    paths = draw(folder / "curves", curves, groups) if any(len(group.curve) for group in groups) else []
    return paths + [path for key in numeric(groups) for path in draw(folder / key, against, key, groups)]


def numeric(groups: Sequence[Group]) -> list[str]:
    """The settings, but for seeds, that have two or more numbers in one dataset."""
    return [key for key in setting_keys(groups) if not key.endswith("seed") and _with_numbers(key, groups)]


def _with_numbers(key: str, groups: Sequence[Group]) -> list[Group]:
    """The tested groups where a setting is a number, of the datasets with two or more numbers."""
    some = [g for g in groups if _is_number(g.settings.get(key)) and np.isfinite(g.final()).any()]
    numbers = {(group.settings["dataset.name"], group.settings[key]) for group in some}
    count = Counter(dataset for dataset, _ in numbers)
    return [group for group in some if count[group.settings["dataset.name"]] > 1]


def curves(groups: Sequence[Group]) -> Figure:
    """Test accuracy by epochs: mean and 95 % interval over seeds; a line for each model, panels for other settings."""
    some = [group for group in groups if len(group.curve)]
    keys = setting_keys(some)
    panels = [key for key in keys if not key.startswith("model.")]
    return _figure(some, panels, [key for key in keys if key not in panels], "epoch", _curve)


def against(key: str, groups: Sequence[Group]) -> Figure:
    """Test accuracy at the last epoch by a numeric setting; a line for what else differs, a panel for each dataset."""
    some = _with_numbers(key, groups)
    lines = [other for other in setting_keys(some) if other not in (key, "dataset.name")]
    numbers = [group.settings[key] for group in some]
    apart = 0.008 * (max(numbers) - min(numbers))

    def draw(axes: Axes, line: Sequence[Group], look: Mapping[str, Any], place: float) -> None:
        line = sorted(line, key=lambda group: group.settings[key])
        at = [group.settings[key] + apart * place for group in line]
        ends = [group.final() for group in line]
        mean, half = np.array([mean_and_interval(end[np.isfinite(end)]) for end in ends], float).T
        axes.errorbar(at, mean, np.nan_to_num(half), **look, capsize=2, elinewidth=0.9)
        axes.xaxis.set_major_locator(
            MaxNLocator(6, steps=[1, 2, 5, 10], integer=all(isinstance(number, int) for number in numbers))
        )

    return _figure(some, ["dataset.name"], lines, key, draw)


def _curve(axes: Axes, line: Sequence[Group], look: Mapping[str, Any], place: float) -> None:
    (group,) = line
    epochs = np.arange(1, len(group.curve) + 1)
    mean, half = mean_and_interval(group.curve)
    axes.plot(epochs, mean, **{**look, "marker": ""})
    axes.fill_between(epochs, mean - half, mean + half, color=look["color"], alpha=0.18, linewidth=0)
    if len(epochs) > LOGARITHMIC:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(1, max(2, len(epochs)))


def _figure(groups: Sequence[Group], by: Sequence[str], lines: Sequence[str], x: str, draw: Draw) -> Figure:
    """Panels of groups that are equal in some settings, lines of those equal in others, too; one legend above."""
    panels = _split(groups, by)
    looks = {title: look(i) for i, (title, _) in enumerate(_split(groups, lines))}
    across = 2 if len(panels) == 4 else min(ACROSS, len(panels))
    width = WIDTH * across + (1 if across == 1 else 0)
    down = -(-len(panels) // across)
    beside = max(1, int(width * CHARACTERS / (9 + max(map(len, looks)))))  # entries in a line of the legend
    height = 2.5 * down + 0.17 * -(-len(looks) // beside)
    with rc_context(LOOK):
        figure = Figure((width, height), layout="constrained")
        grid = figure.subplots(down, across, sharey=True, squeeze=False)
        handles: dict[str, Any] = {}
        for i, axes in enumerate(grid.flat):
            if i >= len(panels):
                axes.remove()
                continue
            title, panel = panels[i]
            for name, line in _split(panel, lines):
                draw(axes, line, {**looks[name], "label": name}, list(looks).index(name) - (len(looks) - 1) / 2)
            handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
            axes.set(title=title, xlabel=x if i + across >= len(panels) else "")
            axes.set_ylabel("" if i % across else "test accuracy (%)")
            axes.grid(alpha=0.25, linewidth=0.5)
        lowest = min(np.nanmin(line.get_ydata()) for axes in figure.axes for line in axes.lines)  # bands are cut
        grid[0, 0].set_ylim(max(0, lowest - 5), 101.5)
        shown = [name for name in looks if name in handles]
        entries = [handles[name] for name in shown]
        columns = min(beside, len(shown))
        figure.legend(entries, shown, loc="outside upper center", ncols=columns, frameon=False, handlelength=3.5)
    return figure


def _split(groups: Sequence[Group], by: Sequence[str]) -> list[tuple[str, list[Group]]]:
    """Groups that are equal in some settings, with a title that tells these."""
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(_title({key: group.settings[key] for key in by if key in group.settings}), []).append(group)
    return list(found.items())


def _title(settings: Mapping[str, Any]) -> str:
    """Names without their keys, other keys without their section: `mlp, pruning 50`."""
    return ", ".join(
        f"{value}" if key.endswith(".name") else f"{key.partition('.')[2]} {'null' if value is None else value}"
        for key, value in settings.items()
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
