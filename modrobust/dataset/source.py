"""Images with classes as they come, in files, archives or memory, made into a dataset: divided, decoded, counted."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from modrobust.dataset.decode import Decoder, Pixels
from modrobust.dataset.divide import Rows, divided
from modrobust.dataset.image_cache import cached_images
from modrobust.dataset.images import image_dataset
from modrobust.dataset.moments import mean_and_std
from modrobust.dataset.splits import ImageDataset, Split, height_width
from modrobust.errors import UserError

log = logging.getLogger(__name__)

SHOWN = 5


@dataclass(frozen=True)
class Source:
    """Images of one split, or of one that is yet to be divided.

    Attributes:
        labels: classes, int64 (N,).
        names: what each image is called: for messages, and to be divided by.
        image: place -> the image, perhaps not read yet; called in several threads.
    """

    labels: NDArray[np.int64]
    names: Sequence[str]
    image: Callable[[int], Image.Image]


def dataset_of(
    sources: Mapping[str, Source],
    classes: Sequence[str],
    *,
    where: str,
    caches: Sequence[Path],
    stamp: str,
    image_size: int | Sequence[int] | None,
    grey: bool,
    background: Sequence[int],
    name: str,
    num_classes: int | None,
    valid_fraction: float,
    test_fraction: float,
    split_seed: int,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    notes: Mapping[str, Any],
    **properties: Any,
) -> ImageDataset:
    """Divide what is not divided, decode, find the facts that a network needs.

    The index is the position in its source. Images of equal pixels in two splits are named in the log and counted
    in the notes.

    Args:
        sources: train, and valid and test where they are given.
        classes: their names.
        where: the images are, for messages.
        caches, stamp: see `cached_images`.
        image_size: height and width in pixels, or one number for both; None where all images have the same.
        grey: one channel in place of three.
        background: red, green and blue, 0..255, behind transparent images.
        name: of the dataset.
        num_classes: how many classes there must be; None for any number.
        valid_fraction, test_fraction, split_seed: see `divided`.
        mean, std: for images in 0..1; None for those of all training images.
        notes: for the record of a run, see `ImageDataset`.
        properties: see `image_dataset`.

    Raises:
        UserError: there are fewer than two classes, or too few images of one; an image is damaged.
    """
    if len(classes) < 2:
        raise UserError(f"{where} has one class, {classes[0]}: at least two are needed")
    if num_classes not in (None, len(classes)):
        raise UserError(f"{where} has {len(classes)} classes: dataset.num_classes={num_classes} (null for any number)")
    labels = {key: source.labels for key, source in sources.items()}
    names = {key: source.names for key, source in sources.items()}
    rows = divided(labels, names, classes, {"valid": valid_fraction, "test": test_fraction}, split_seed, where)
    red, green, blue = background
    size = None if image_size is None else height_width(image_size)
    decoder = Decoder(size, grey, (red, green, blue))
    images = [(sources[key], int(i)) for key, chosen in rows.values() for i in chosen]

    def decode(place: int) -> Pixels:
        source, i = images[place]
        with _opened(source, i, where) as image:
            return decoder(image, f"{where}: {source.names[i]}")

    in_order = [source.names[i] for source, i in images]
    decoded = cached_images(caches, name, stamp, in_order, decode, repr(decoder))
    lengths = [len(chosen) for _, chosen in rows.values()]
    found_mean, found_std = mean_and_std(decoded.moments[: lengths[0]], decoded.images[0, 0].numel())
    parts = zip(rows.items(), decoded.images.split(lengths), strict=True)
    return image_dataset(
        {
            split: Split(inputs, torch.from_numpy(labels[key][chosen]), torch.from_numpy(chosen))
            for (split, (key, chosen)), inputs in parts
        },
        name=name,
        num_classes=len(classes),
        image_size=tuple(decoded.images.shape[2:]),
        mean=mean or (found_mean * 3)[:3],
        std=std or [max(value, 1 / 255) for value in (found_std * 3)[:3]],  # images of one colour have no deviation
        classes=tuple(classes),
        notes={**notes, "division": _told(rows, sources), **_in_two_splits(rows, decoded.digests, in_order)},
        **properties,
    )


def _opened(source: Source, place: int, where: str) -> Image.Image:
    try:
        return source.image(place)
    except Exception as error:  # so do decoders and libraries
        raise UserError(f"{where}: {source.names[place]} can't be read: {type(error).__name__}: {error}") from error


def _told(rows: Rows, sources: Mapping[str, Source]) -> str:
    made = [split for split in rows if split not in sources]
    return f"{' and '.join(made)} by dataset.split_seed" if made else "as given"


def _in_two_splits(rows: Rows, digests: NDArray[np.int64], names: Sequence[str]) -> dict[str, Any]:
    """How many images have the pixels of one in another split; the first are named in the log."""
    splits = np.repeat(list(rows), [len(chosen) for _, chosen in rows.values()])
    first: dict[int, int] = {}
    pairs = []
    for place, digest in enumerate(digests.tolist()):
        other = first.setdefault(digest, place)
        if splits[other] != splits[place]:
            pairs.append(f"{names[place]} ({splits[place]}) is {names[other]} ({splits[other]})")
    if not pairs:
        return {}
    more = f", and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
    log.warning("images in two splits: %s%s", ", ".join(pairs[:SHOWN]), more)
    return {"in_two_splits": len(pairs)}
