"""Photographs of one's own: a folder for each class."""

import logging
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from modrobust.dataset.image_cache import cache_folders
from modrobust.dataset.image_files import classes_of, find_images
from modrobust.dataset.source import Source, dataset_of
from modrobust.dataset.splits import ImageDataset
from modrobust.errors import UserError
from modrobust.store.stamp import stamp_of

log = logging.getLogger(__name__)


def image_folder(
    root: Path,
    *,
    folder: str,
    content: str | None = None,
    **properties: Any,
) -> ImageDataset:
    """The images of `<folder>/<class>/`, or of `<folder>/{train,valid,test}/<class>/` (see `find_images`).

    Any format, kind and size that Pillow reads (see `decode.Decoder`). Decoded once, into `<root>/cache` or the user's
    folder for caches (see `cache_folders`), and again when a file changes.

    Args:
        root: the folder `paths.data`.
        folder: relative to the current folder, or absolute.
        content: names the folder's content in a run's hash; not used here.
        properties: see `dataset_of`.

    Raises:
        UserError: the folder or an image can't be read, or has not what is needed.
    """
    place = Path(folder).expanduser().resolve()
    if not place.is_dir():
        problem = "is not a folder" if place.exists() else "does not exist"
        raise UserError(f"dataset.folder={folder}: {place} {problem}")
    found = find_images(place)
    classes = classes_of(found)
    if found.hidden or found.foreign:
        such = f", such as {found.example}" if found.example else ""
        log.info("%s: passed over: %d hidden files, %d foreign ones%s", place, found.hidden, found.foreign, such)
    passed = {key: n for key, n in {"hidden": found.hidden, "foreign": found.foreign}.items() if n}
    sources, files = {}, []
    for split, by_class in found.splits.items():
        paths = [(path, classes.index(label)) for label in classes for path in by_class.get(label, ())]
        sources[split] = _source(place, [path for path, _ in paths], np.array([label for _, label in paths]))
        files += [place / path for path, _ in paths]
    return dataset_of(
        sources,
        classes,
        where=folder,
        caches=cache_folders(root, f"{place.name}-{sha256(str(place).encode()).hexdigest()[:6]}"),
        stamp=stamp_of(files),
        files=(place,),
        notes={"passed_over": passed} if passed else {},
        **properties,
    )


def _source(folder: Path, paths: Sequence[Path], labels: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Source:
    return Source(labels, [path.as_posix() for path in paths], lambda i: Image.open(folder / paths[i]))
