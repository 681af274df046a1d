"""FaceScrub: faces of 388 people, 100x100 pixels; on request only, so its files are placed by hand."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from modrobust.dataset.decode import Pixels
from modrobust.dataset.download import data_folder
from modrobust.dataset.image_cache import cache_folders, cached_images
from modrobust.dataset.images import image_dataset
from modrobust.dataset.splits import ImageDataset, Split, height_width
from modrobust.dataset.take import rank_in_class
from modrobust.errors import UserError
from modrobust.store.stamp import stamp_of

FIRST_IDENTITY = 100
DIVISION = "the last tenths of every person by number; the published order, that of a folder, is not known"
NAME = re.compile(r"(\d+)_(\d+)\.jpg")


class Photo(NamedTuple):
    """A file `<identity>_<number>.jpg`; photos sort by identity, then number."""

    identity: int
    number: int
    file: str


def facescrub(
    root: Path, *, num_classes: int, n_images: int | None, image_size: int | Sequence[int], **properties: Any
) -> ImageDataset:
    """FaceScrub from the flat folder `<root>/FaceScrub`; the class is the identity less 100.

    Within a class photos are ordered by number. Of n photos the last t = ceil(n / 10) are test, the t before
    them valid and the others train (the paper's section on datasets). The index is the position in the order
    by identity and number. Decoded photos are kept (see `cache_folders`) in the order train, valid, test, so
    that each split is one stretch of the file and stays memory-mapped.

    Args:
        root: the folder `paths.data`.
        num_classes: how many identities there must be, from 100 upwards.
        n_images: how many photos there must be; None for any number.
        image_size: height and width in pixels; larger by one is cropped.
        properties: see `image_dataset`.

    Raises:
        UserError: photos are missing, surplus, misnamed, damaged or of another size, or the cache can't be
            written.
    """
    folder = data_folder(root) / "FaceScrub"
    photos = find_photos(folder)
    check_counts(folder, photos, num_classes, n_images)
    labels = np.array([photo.identity for photo in photos], np.int64) - FIRST_IDENTITY
    rank, count = rank_in_class(labels)
    held = -(-count // 10)
    part = (rank >= count - 2 * held).astype(int) + (rank >= count - held)
    order = np.argsort(part, kind="stable")
    files, size = [folder / photos[i].file for i in order], height_width(image_size)
    decoded = cached_images(
        cache_folders(root),
        "facescrub",
        stamp_of(sorted(files)),
        [str(file) for file in files],
        lambda i: decode(files[i], *size),
        f"cropped to {size}",
    )
    inputs = decoded.images.split(np.bincount(part, minlength=3).tolist())
    splits = {}
    for i, name in enumerate(("train", "valid", "test")):
        rows = np.flatnonzero(part == i)
        splits[name] = Split(inputs[i], torch.from_numpy(labels[rows]), torch.from_numpy(rows))
    return image_dataset(
        splits,
        num_classes=num_classes,
        image_size=image_size,
        files=(folder.absolute(),),
        notes={"division": DIVISION},
        **properties,
    )


def find_photos(folder: Path) -> list[Photo]:
    """The photos of a folder, sorted. Files whose name starts with a dot belong to the system.

    Raises:
        UserError: the folder doesn't exist, or a name is not `<identity>_<number>.jpg`.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder} not found: FaceScrub is given out on request only (see vintage.winklerbros.net/"
            "facescrub.html); put its photos there by hand, as <identity>_<number>.jpg"
        )
    photos, strange = [], []
    for file in (path.name for path in folder.iterdir()):
        if match := NAME.fullmatch(file):
            photos.append(Photo(int(match[1]), int(match[2]), file))
        elif not file.startswith("."):
            strange.append(file)
    if strange:
        raise UserError(
            f"{folder} holds {some(sorted(strange))}: allowed are names <identity>_<number>.jpg, as 100_1.jpg"
        )
    return sorted(photos)


def check_counts(folder: Path, photos: list[Photo], num_classes: int, n_images: int | None) -> None:
    """Raises a UserError unless identities are 100..99+num_classes and there are n_images photos."""
    found = {photo.identity for photo in photos}
    expected = range(FIRST_IDENTITY, FIRST_IDENTITY + num_classes)
    problems = []
    if missing := [i for i in expected if i not in found]:
        problems.append(f"missing {some(missing)}")
    if surplus := sorted(found.difference(expected)):
        problems.append(f"surplus {some(surplus)}")
    if problems:
        raise UserError(
            f"{folder} holds {len(found)} identities, {'; '.join(problems)}:"
            f" dataset.num_classes={num_classes} expects {expected.start} to {expected.stop - 1}"
        )
    if n_images not in (None, len(photos)):
        raise UserError(
            f"{folder} holds {len(photos)} photos: dataset.n_images expects {n_images} (null for any number)"
        )


def some(things: Iterable[object]) -> str:
    """A list for a message: the first five, and how many more there are."""
    names = [str(thing) for thing in things]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def decode(file: Path, height: int, width: int) -> Pixels:
    """A photo as uint8 (3, height, width), RGB; of one more pixel on a side the last row or column is left out.

    Raises:
        UserError: it is damaged or has another size.
    """
    try:
        with Image.open(file) as image:
            if image.height - height not in (0, 1) or image.width - width not in (0, 1):
                raise UserError(
                    f"{file} has {image.width}x{image.height} pixels: allowed are {width}x{height}, and one more"
                    " on a side, which is cropped"
                )
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{file} is not a whole image: {error}") from error
    return pixels[:height, :width].transpose(2, 0, 1)
