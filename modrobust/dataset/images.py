"""What every image dataset ends with: limits on its splits and the facts a network needs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modrobust.dataset.splits import Augmentation, ImageDataset, Split, height_width
from modrobust.dataset.take import limit
from modrobust.errors import UserError


def image_dataset(
    splits: dict[str, Split],
    *,
    name: str,
    num_classes: int,
    image_size: int | Sequence[int],
    mean: Sequence[float],
    std: Sequence[float],
    augmentation: Augmentation | None = None,
    classes: tuple[str, ...] = (),
    notes: Mapping[str, Any] | None = None,
    files: tuple[Path, ...] | None = None,
    n_train: int | None = None,
    n_valid: int | None = None,
    n_test: int | None = None,
    subset_seed: int = 0,
) -> ImageDataset:
    """An image dataset of the splits train, valid and test.

    Args:
        splits: all examples.
        name, num_classes, image_size, augmentation, classes, notes, files: see `ImageDataset`.
        mean, std: three values each, for images in 0..1.
        n_train, n_valid, n_test: size of a stratified subset; None for all.
        subset_seed: chooses the subsets.

    Raises:
        UserError: a subset's size is impossible, or mean or std are not three numbers (std above 0).
    """
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise UserError(
            f"dataset.mean is {list(mean)} and dataset.std {list(std)}:"
            " allowed are three numbers each, those of std above 0"
        )
    sizes = {"train": n_train, "valid": n_valid, "test": n_test}
    return ImageDataset(
        name=name,
        splits={key: limit(split, sizes[key], subset_seed, key) for key, split in splits.items()},
        num_classes=num_classes,
        image_size=height_width(image_size),
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
        augmentation=augmentation or Augmentation(),
        classes=classes,
        notes=notes or {},
        files=files,
    )
