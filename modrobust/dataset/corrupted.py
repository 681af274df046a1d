"""Published corrupted test images, such as CIFAR-10-C: a file a corruption, five severities in a row."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modrobust.corruption.common import PUBLISHED
from modrobust.errors import UserError

SEVERITIES = 5
LABELS = "labels.npy"


@dataclass(frozen=True)
class Corrupted:
    """A folder of corrupted test images, which are read when they are asked for.

    Attributes:
        name: of the folder.
        files: name of the corruption, as modrobust has it where it has it, -> file, uint8 (5 n, H, W[, C]).
        targets: classes, int64 (n,).
    """

    name: str
    files: dict[str, Path]
    targets: Tensor

    def images(self, corruption: str, severity: int, where: Tensor) -> Tensor:
        """Some images as they lie: uint8 (B, C, H, W). Args: where: int64 (B,), places among the n of a severity."""
        rows = (severity - 1) * len(self.targets) + where.numpy()
        images = np.load(self.files[corruption], mmap_mode="r")[rows]
        images = images[..., None] if images.ndim == 3 else images
        return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def corrupted_images(folder: Path, num_classes: int, image_size: tuple[int, int]) -> Corrupted:
    """A folder with labels.npy, classes (5 n,) or (n,), and for each corruption a .npy, uint8 (5 n, H, W[, C]).

    Raises:
        UserError: a file is missing or is not of this kind.
    """
    if not folder.is_dir():
        raise UserError(
            f"dataset.corrupted: {folder.absolute()} is not a folder; it needs {LABELS} and a .npy a corruption."
        )
    labels = _array(folder / LABELS)
    by_published = {published: name for name, published in PUBLISHED.items()}
    files = {
        by_published.get(file.stem, _camel(file.stem)): file
        for file in sorted(folder.glob("*.npy"), key=lambda file: (*by_published, file.stem).index(file.stem))
        if file.name != LABELS
    }
    if not files:
        raise UserError(f"dataset.corrupted: {folder.absolute()} holds no .npy of a corruption.")
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= num_classes:
        raise UserError(f"{folder / LABELS} does not hold classes from 0 to {num_classes - 1}, one an image.")
    for file in files.values():
        images = _array(file)
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[1:3] != image_size:
            size = " x ".join(map(str, image_size))
            raise UserError(f"{file} holds {images.dtype} {images.shape}: uint8 (N, H, W, C) of {size} px is needed.")
        if len(images) % SEVERITIES or len(labels) not in (len(images), len(images) // SEVERITIES):
            raise UserError(
                f"{file} holds {len(images)} images, {LABELS} {len(labels)} classes: "
                f"those of {SEVERITIES} severities are needed."
            )
    targets = labels[: len(images) // SEVERITIES]
    return Corrupted(folder.name, files, torch.from_numpy(np.array(targets, dtype=np.int64)))


def _array(file: Path) -> np.ndarray[Any, Any]:
    try:
        array: np.ndarray[Any, Any] = np.load(file, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    return array


def _camel(stem: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"\W|_", stem))
