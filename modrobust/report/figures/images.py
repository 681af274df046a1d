"""Images for print: under single corruptions, under all compositions, before and after autoencoders."""

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import yaml
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from modrobust.corruption.composition import parse
from modrobust.evaluation.examples import find_examples
from modrobust.report.figures.drawing import draw
from modrobust.report.figures.look import LOOK, PAGE, SMALLEST, inches
from modrobust.report.figures.sheets import pages, short_labels
from modrobust.report.read.find import file_of
from modrobust.report.say import say
from modrobust.report.stats.combinations import abbreviate, by_length, meaning
from modrobust.report.tables.by_length import tables
from modrobust.store.files import read_json

Pixels = NDArray[np.uint8]

COLUMNS = 7  # single corruptions beside each other: more stand below
BESIDE = 15  # compositions beside each other
SHOWN = 12  # images of each row, before and after autoencoders
LINE = 0.1  # inches, of text of the smallest size
FINE = 200  # pixels an image is enlarged to, at least: some readers of PDF blur few pixels
FRAME = 128  # grey of the hairline around an image, which may be as white as the page
EDGES = [0, 1, -2, -1]
SHADES: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "none", "aspect": "auto"}
GAP = 0.04  # inches, between images


def write_images(rows: pd.DataFrame, folder: Path) -> Iterator[Path]:
    """Write corruptions_, compositions_ and autoencoders_ figures from what runs left, and yield the paths.

    Of runs of a dataset and split that were tested on other images (other severities, say), one is shown; of
    autoencoders those of the lowest seed of each method.

    Args:
        rows: of results, with `line`.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    for key, table in tables(rows):
        found = next(filter(None, map(_examples, map(Path, table.drop_duplicates("line")["run"]))), None)
        if found:
            names, sheet = found
            title, where = ", ".join(key), "_".join(key)
            yield from draw(folder / f"corruptions_{where}", corruptions, f"{title} images", names, sheet)
            yield from draw(folder / f"compositions_{where}", compositions, f"{title} image", names, sheet)
    for dataset, table in rows.groupby("dataset", observed=True):
        labels = short_labels(table, variants=False)
        restored: dict[str, tuple[int, Path]] = {}
        for row in table.sort_values(["line", "seed"]).drop_duplicates("run").to_dict("records"):
            path = file_of(Path(row["run"]), "autoencoders.npz")
            if path:
                restored.setdefault(labels[str(row["line"])], (row["seed"], path))
        for suffix, _, (name,) in pages(list(restored), 1, f"autoencoders of {dataset}"):
            seed, path = restored[name]
            title = f"{dataset}, validation images: {name}, seed {seed}".replace("\n", ", ")
            if pictures := _pictures(path):
                yield from draw(folder / f"autoencoders_{dataset}{suffix}", before_and_after, title, *pictures)


def corruptions(title: str, names: Sequence[str], sheet: Pixels) -> Figure:
    """A column for each single corruption, a row for each image; where there are many, strips of such.

    Args:
        title: stands above.
        names: of compositions.
        sheet: (compositions, images, H, W, channels).
    """
    single = [i for i, name in enumerate(names) if len(parse(name)) < 2]
    across = min(len(single), COLUMNS)
    side = min(0.95, (PAGE - 0.1) / across - GAP)
    high = side * sheet.shape[2] / sheet.shape[3]
    tall = sheet.shape[1] * (high + GAP) + 0.2  # a strip of columns, with the names above
    strips = [single[start : start + across] for start in range(0, len(single), across)]
    points = min(7.5, *(7 * side / inches(names[i], 7) for i in single))
    with rc_context(LOOK):
        figure = Figure((0.1 + across * (side + GAP), 0.25 + len(strips) * tall))
        _text(figure, 0.05, 0.16, title, 8)
        for top, strip in zip(np.arange(len(strips)) * tall, strips, strict=True):
            for i, composition in enumerate(strip):
                _text(figure, 0.05 + i * (side + GAP) + side / 2, top + 0.38, names[composition], points, "center")
            for j in range(sheet.shape[1]):
                _show(figure, 0.05, top + 0.43 + j * (high + GAP), side, sheet[strip, j], GAP)
    return figure


def compositions(title: str, names: Sequence[str], sheet: Pixels) -> Figure:
    """The first image under every composition, by length, the orders of a combination beside each other."""
    place = {name: i for i, name in enumerate(names)}
    lengths = by_length(names)
    first = {1: [*lengths.get(0, []), *lengths.get(1, [])]}
    side = PAGE / BESIDE - GAP
    high = side * sheet.shape[2] / sheet.shape[3]
    strips, down = [], 0.3
    for length, combinations in {**first, **{n: some for n, some in lengths.items() if n > 1}}.items():
        flat = [name for orders in combinations for name in orders]
        for start in range(0, len(flat), BESIDE):
            strips.append((down, flat[start : start + BESIDE]))
            down += high + LINE * -(-length // 2) + 0.05
        down += 0.06
    with rc_context(LOOK):
        figure = Figure((PAGE, down + 0.2))
        _text(figure, 0.05, 0.16, title, 8)
        for top, strip in strips:
            _show(figure, GAP / 2, top, side, sheet[[place[name] for name in strip], 0], GAP)
            for i, name in enumerate(strip):
                middle = i * (side + GAP) + (GAP + side) / 2
                for line, text in enumerate(_wrapped(name)):
                    _text(figure, middle, top + high + LINE * (line + 0.85), text, SMALLEST, "center")
        _text(figure, 0.05, down + 0.1, f"Left to right as applied: {meaning(names)}", SMALLEST)
    return figure


def before_and_after(title: str, labels: Sequence[str], images: Pixels) -> Figure:
    """A row for each label.

    Args:
        title: stands above.
        labels: clean, then a corruption and `restored` by turns.
        images: uint8 (labels, n, C, H, W).
    """
    shown = images[:, :SHOWN].transpose(0, 1, 3, 4, 2)
    margin = 0.15 + max(inches(label, 7) for label in labels)
    side = (PAGE - margin) / SHOWN
    high = side * shown.shape[2] / shown.shape[3]
    with rc_context(LOOK):
        tops = 0.28 + np.cumsum([0, *(high + (0 if label == "restored" else 0.08) for label in labels[1:])])
        figure = Figure((margin + side * shown.shape[1] + 0.03, tops[-1] + high + 0.05))
        _text(figure, 0.05, 0.16, title, 8)
        for label, top, row in zip(labels, tops, shown, strict=True):
            _text(figure, margin - 0.06, top + high / 2 + 0.04, label, 7, "right")
            _show(figure, margin, top, side - 0.02, row, 0.02)
    return figure


def _pictures(path: Path) -> tuple[list[str], Pixels] | None:
    """Labels and images of an npz that a run wrote; a damaged one is said."""
    try:
        with path.open("rb") as raw, np.load(raw) as file:  # numpy leaves what it cannot read open
            return file["labels"].tolist(), file["images"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):
        say(f"{path} is damaged: its images are left out.")
        return None


def _examples(run: Path) -> tuple[list[str], Pixels] | None:
    """The images a run was tested on, (compositions, images, H, W, channels), with the compositions' names."""
    try:
        text = (run / "config.yaml").read_text(encoding="utf-8")
        content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        path = find_examples(run, content) if isinstance(content, dict) else None
    except (OSError, ValueError, yaml.YAMLError):
        return None
    description = read_json(path.with_suffix(".json")) if path else None
    if path is None or description is None or not path.exists():
        return None
    names, tile = description["compositions"], description["tile"]
    height, width = (tile, tile) if isinstance(tile, int) else tile  # older pictures have one number for both
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture)
        pixels = pixels.reshape(len(names), height, -1, width, 1 if pixels.ndim == 2 else pixels.shape[2])
    except (OSError, ValueError):
        say(f"{path} is damaged: its images are left out.")
        return None
    return names, pixels.transpose(0, 2, 1, 3, 4)


def _wrapped(composition: str) -> list[str]:
    """Its abbreviations, two in a line."""
    parts = [abbreviate(part) for part in composition.split("-")]
    lines = ["-".join(parts[start : start + 2]) for start in range(0, len(parts), 2)]
    return [f"{line}-" for line in lines[:-1]] + lines[-1:]


def _show(figure: Figure, left: float, top: float, side: float, images: Pixels, gap: float) -> None:
    """Images (n, H, W, channels) beside each other, of a width `side`, from a place in inches from the upper left.

    One picture for all, as drawing many takes seconds; every pixel is a square of several.
    """
    times = -(-FINE // images.shape[1])
    large = images.repeat(times, axis=1).repeat(times, axis=2)
    large[:, EDGES] = large[:, :, EDGES] = FRAME
    between = round(gap / side * large.shape[2])
    white = np.pad(large, ((0, 0), (0, 0), (0, between), (0, 0)), constant_values=255)
    strip = np.concatenate(list(white), axis=1)[:, : -between or None]
    size, high = figure.get_size_inches(), side * images.shape[1] / images.shape[2]
    width = len(images) * (side + gap) - gap
    axes = figure.add_axes((left / size[0], 1 - (top + high) / size[1], width / size[0], high / size[1]))
    axes.set_axis_off()
    axes.imshow(strip.squeeze(-1) if strip.shape[-1] == 1 else strip, **SHADES)


def _text(figure: Figure, left: float, top: float, text: str, points: float, where: str = "left") -> None:
    """A line of text whose foot is at a place in inches from the upper left corner."""
    size = figure.get_size_inches()
    figure.text(left / size[0], 1 - top / size[1], text, fontsize=points, ha=where)
