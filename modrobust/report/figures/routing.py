"""Routing over training: which inputs each module holds, by epoch (runs with method.routing_every)."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from modrobust.report.figures.drawing import draw
from modrobust.report.figures.look import COLOURS, LOOK, PAGE, SMALLEST
from modrobust.report.read.groups import Group
from modrobust.report.read.settings import written
from modrobust.report.say import say

SEEDS = 4  # beside each other
SHADES = ListedColormap(["white", *COLOURS[:2]])

Record = Mapping[str, NDArray[np.int64]]


def write_routing(groups: Sequence[Group], folder: Path) -> Iterator[Path]:
    """Write routing_<dataset>_<model>[_<number>].pdf and .png of each group that has a record, and yield the paths.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    stems: set[str] = set()
    for group in groups:
        record = next(filter(None, map(_read, group.seeds)), None)
        if record is None:
            continue
        stem = f"routing_{group.settings['dataset.name']}_{group.settings['model.name']}"
        names = [stem, *(f"{stem}_{number}" for number in range(2, len(groups) + 1))]
        stems.add(name := next(name for name in names if name not in stems))
        title = ", ".join(
            written(value) if key.endswith(".name") else f"{key}={written(value)}"
            for key, value in group.settings.items()
        )
        yield from draw(folder / name, routing, record, title)


def _read(run: Path) -> Record | None:
    path = run / "routing.npz"
    if not path.exists():
        return None
    try:
        with path.open("rb") as opened, np.load(opened) as content:
            return {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error):
        say(f"{path} is damaged: the routing of this run is left out.")
        return None


def routing(record: Record, title: str) -> Figure:
    """A column for the first seeds each, a panel for each layer: modules down, in each a row for every input.

    An input that a module holds is drawn at its height; modules alternate in colour. Of several tasks it is the first.

    Args:
        record: by layer, from the inputs upwards: int (records, R, tasks, places, k); epochs (records,); seeds (R,).
        title: what the runs are.
    """
    layers = [name for name in record if name not in ("epochs", "seeds")]
    seeds, epochs = record["seeds"][:SEEDS], record["epochs"]
    shown = {name: [held(record[name][:, r, 0]) for r in range(len(seeds))] for name in layers}
    heights = [max(len(image) for image in images) for images in shown.values()]
    size = (max(PAGE / 2, PAGE / SEEDS * len(seeds)), 1.0 + 0.07 * sum(heights) + 0.25 * len(layers))
    with rc_context(LOOK):
        figure = Figure(size, layout="constrained")
        grid = figure.subplots(len(layers), len(seeds), squeeze=False, sharex=True, height_ratios=heights)
        for (row, column), axes in np.ndenumerate(grid):
            name, places = layers[row], record[layers[row]].shape[3]
            _draw(axes, shown[name][column], places, epochs)
            axes.set_title(f"seed {seeds[column]}" if row == 0 else "")
            axes.set_xlabel("epoch" if row == len(layers) - 1 else "")
            what = {"outputs": "outputs", "images": "image modules"}.get(name, f"layer {name}")
            axes.set_ylabel(what if column == 0 else "", fontsize=7)
        figure.suptitle(f"{title}: inputs that each module holds", fontsize=8, x=0.01, ha="left", wrap=True)
    return figure


def held(choices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which inputs modules hold, as an image: int (records, places, k) -> (places * inputs, records).

    0 where an input is not held, else 1 or 2 by whether the module's number is even.
    """
    records, places, _ = choices.shape
    inputs = int(choices.max()) + 1
    image = np.zeros((places, inputs, records), int)
    for place in range(places):
        for k in range(choices.shape[2]):
            image[place, choices[:, place, k], np.arange(records)] = 1 + place % 2
    return image.reshape(places * inputs, records)


def _draw(axes: Axes, image: NDArray[np.int64], places: int, epochs: NDArray[np.int64]) -> None:
    inputs = len(image) // places
    step = epochs[0]
    axes.imshow(
        image,
        cmap=SHADES,
        vmin=0,
        vmax=2,
        aspect="auto",
        interpolation="nearest",
        extent=(epochs[0] - step / 2, epochs[-1] + step / 2, len(image) - 0.5, -0.5),
    )
    for place in range(1, places):
        axes.axhline(place * inputs - 0.5, color="grey", linewidth=0.5)
    axes.set_yticks(range(len(image)), [str(i % inputs) for i in range(len(image))], fontsize=SMALLEST)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
