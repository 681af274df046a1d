"""Pictures of what goes in: training batches, an image under all compositions, autoencoders before and after."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from modrobust.corruption.choice import Composition
from modrobust.corruption.composition import label
from modrobust.dataset.normalise import denormalise
from modrobust.dataset.splits import Split
from modrobust.evaluation.testing import corrupted
from modrobust.method.experiment import Experiment
from modrobust.store.files import write_atomically, write_npz

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

IMAGES_A_ROW = 16


def draw_inputs(experiment: Experiment, compositions: list[Composition], folder: Path) -> None:
    """Write training.png, the first batch under each corruption, and compositions.png, one test image under all."""
    views, names = experiment.views(), experiment.elemental
    batch = views.paired(experiment.training.batch_size // len(names), epoch=0, step=0)
    seen = denormalise(views.see(batch, names), experiment.dataset).unflatten(0, (len(names), -1))
    draw_rows(list(zip(names, seen, strict=True)), folder / "training.png")
    _draw_compositions(experiment, experiment.dataset.splits["test"], compositions, folder / "compositions.png")


def keep_pictures(pictures: Mapping[str, list[tuple[str, Tensor]]], folder: Path) -> None:
    """Write each as <name>.png, for people, and <name>.npz, from which reports make figures for print.

    The npz holds labels (rows,) and images uint8 (rows, n, C, H, W), the first ones of each row.

    Args:
        pictures: name -> labelled rows, each uint8 images (n, C, H, W).
        folder: of the run.
    """
    for name, rows in pictures.items():
        draw_rows(rows, folder / f"{name}.png")
        images = torch.stack([images[:IMAGES_A_ROW] for _, images in rows]).cpu().numpy()
        write_npz(folder / f"{name}.npz", {"labels": np.array([text for text, _ in rows]), "images": images})


def draw_rows(rows: list[tuple[str, Tensor]], path: Path) -> None:
    """Write a picture of labelled rows, each uint8 images (n, C, H, W), of which the first ones are shown."""
    figure = _figure(10, 0.8 * len(rows))
    for axes, (name, images) in zip(np.ravel(figure.subplots(len(rows))), rows, strict=True):
        axes.imshow(_side_by_side(images[:IMAGES_A_ROW]), cmap="gray", vmin=0, vmax=255)
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
        axes.set_xticks([])
        axes.set_yticks([])
    _save(figure, path)


def _draw_compositions(experiment: Experiment, split: Split, compositions: list[Composition], path: Path) -> None:
    one = split.take(slice(0, 1), experiment.device)
    sheet = dict(corrupted(experiment.corruption, compositions, one.inputs, "test", one.index))
    columns = min(12, len(sheet))
    rows = -(-len(sheet) // columns)
    figure = _figure(1.1 * columns, 1.3 * rows)
    cells = np.ravel(figure.subplots(rows, columns))
    for axes in cells:
        axes.set_axis_off()
    for axes, composition in zip(cells, compositions, strict=False):
        axes.imshow(_side_by_side(sheet[composition]), cmap="gray", vmin=0, vmax=255)
        axes.set_title(label(composition).replace("-", "\n"), fontsize=5)
    _save(figure, path)


def _side_by_side(images: Tensor) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return torch.cat(list(images.cpu()), dim=2).permute(1, 2, 0).numpy()


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure  # half a second that most runs do not need

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: "Figure", path: Path) -> None:
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=150))
    log.info("picture: %s", path)
