"""CIFAR-10: photographs of 32x32 pixels in ten classes, published as pickles."""

import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from modrobust.dataset.corrupted import corrupted_images
from modrobust.dataset.download import data_files
from modrobust.dataset.images import image_dataset
from modrobust.dataset.published_split import held_out
from modrobust.dataset.splits import ImageDataset, Split, height_width
from modrobust.dataset.take import check_classes
from modrobust.errors import UserError

FOLDER = "cifar-10-batches-py"
TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
SIZE = 32


def cifar10(
    root: Path,
    *,
    num_classes: int,
    image_size: int | Sequence[int],
    valid_one_in: int,
    published_split: bool = False,
    corrupted: str | None = None,
    **properties: Any,
) -> ImageDataset:
    """CIFAR-10 from `<root>/cifar-10-batches-py`, downloaded there if it is missing.

    Of every class with n training images n // valid_one_in are valid and the others train (1000 and 4000, as in the
    paper's section on datasets): the last ones, or those of the published split. The official test images are test.
    Images keep the files' order; the index is the position over the five training files, or in the test file.

    Args:
        root: the folder `paths.data`.
        num_classes: labels must be 0..num_classes-1.
        image_size: 32.
        valid_one_in: which part of the training images is for validation.
        published_split: take the study's own validation images (see `held_out`).
        corrupted: a folder below `root` of corrupted test images, such as CIFAR-10-C; None for none.
        properties: see `image_dataset`.

    Raises:
        UserError: a file is missing and can't be downloaded, or is not a batch of CIFAR-10; or
            corrupted images are not as they should be.
    """
    if height_width(image_size) != (SIZE, SIZE):
        raise UserError(f"dataset.image_size is {image_size}: the images of CIFAR-10 have {SIZE}")
    files = data_files(root, FOLDER, (*TRAIN, "test_batch"), download)
    *train, test = files
    batches = [read_batch(path, num_classes) for path in train]
    labels = np.concatenate([labels for _, labels in batches])
    check_classes(train[0].parent, labels, num_classes)
    *rows, how = held_out(labels, valid_one_in, "cifar10" if published_split else None)
    place = np.empty_like(labels)
    place[np.concatenate(rows)] = np.arange(len(labels))
    images = np.empty((len(labels), 3, SIZE, SIZE), np.uint8)
    start = 0
    while batches:  # a batch is let go as soon as it is copied
        batch, _ = batches.pop(0)
        images[place[start : start + len(batch)]] = batch
        start += len(batch)
    inputs = torch.from_numpy(images).split([len(r) for r in rows])
    splits = {
        name: Split(part, torch.from_numpy(labels[r]), torch.from_numpy(r))
        for name, part, r in zip(("train", "valid"), inputs, rows, strict=True)
    }
    images, labels = read_batch(test, num_classes)
    check_classes(test, labels, num_classes)
    splits["test"] = Split(torch.from_numpy(images), torch.from_numpy(labels), torch.arange(len(labels)))
    where = tuple(file.absolute() for file in files)
    facts = {"num_classes": num_classes, "image_size": image_size, "files": where, "notes": {"division": how}}
    dataset = image_dataset(splits, **facts, **properties)  # type: ignore[arg-type]
    if corrupted is None:
        return dataset
    folder = root / corrupted
    published = corrupted_images(folder, num_classes, dataset.image_size)
    return replace(dataset, corrupted=published, files=(*where, folder.absolute()))


def download(folder: Path) -> None:
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import download_and_extract_archive

    # Not CIFAR10(download=True): that would unpickle what it downloads.
    download_and_extract_archive(CIFAR10.url, str(folder), md5=CIFAR10.tgz_md5)


def read_batch(path: Path, num_classes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 3, 32, 32) and classes (N,) of one published file.

    Raises:
        UserError: the file is not such a batch, or asks for anything but arrays and plain containers.
    """
    try:
        with path.open("rb") as file:
            batch = PlainUnpickler(file, encoding="bytes").load()
        images, labels = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"])
    except Exception as error:  # a damaged pickle may raise anything
        raise UserError(f"{path} is not a batch of CIFAR-10: {type(error).__name__}: {error}") from error
    if images.dtype != np.uint8 or images.shape != (len(images), 3 * SIZE * SIZE) or len(images) == 0:
        raise UserError(f"{path} holds images {images.dtype} {images.shape}: allowed is uint8 (N, 3072)")
    if labels.dtype.kind != "i" or labels.shape != (len(images),):
        raise UserError(f"{path} holds labels {labels.dtype} {labels.shape} for {len(images)} images")
    if labels.min() < 0 or labels.max() >= num_classes:
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise UserError(f"{path} holds the label {wrong}: allowed are 0 to {num_classes - 1}")
    return images.reshape(-1, 3, SIZE, SIZE), labels.astype(np.int64)


class PlainUnpickler(pickle.Unpickler):
    """Reads numpy arrays, numbers, strings, lists, tuples and dicts; a pickle that names more is refused."""

    def find_class(self, module: str, name: str) -> Any:
        match module.replace("numpy._core", "numpy.core"), name:
            case "numpy.core.multiarray", "_reconstruct":
                return np.empty(0).__reduce__()[0]
            case "numpy", "ndarray":
                return np.ndarray
            case "numpy", "dtype":
                return dtype
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not allowed")


def dtype(code: Any, align: int = 0, copy: int = 0) -> np.dtype[Any]:
    """numpy.dtype with the whole numbers of Python 2 as truth values, of which numpy now warns."""
    return np.dtype(code, align=bool(align), copy=bool(copy))
