"""MNIST, Fashion-MNIST, EMNIST and others in the IDX format: grey images of 28x28 pixels."""

import gzip
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray

from modrobust.dataset.download import data_files
from modrobust.dataset.images import image_dataset
from modrobust.dataset.published_split import held_out
from modrobust.dataset.splits import ImageDataset, Split, height_width
from modrobust.dataset.take import check_classes
from modrobust.errors import UserError

Bytes = NDArray[np.uint8]
BLOCK = 4096
FOLDERS = ("", "gzip/", "../", "../gzip/")  # torchvision's, EMNIST's archive unpacked in it, and both without `raw`


def idx_images(
    root: Path,
    *,
    source: str,
    num_classes: int,
    image_size: int | Sequence[int],
    variant: str | None = None,
    transposed: bool = False,
    valid_one_in: int,
    published_split: bool = False,
    **properties: Any,
) -> ImageDataset:
    """A dataset from `<root>/<source>/raw`, where torchvision keeps it and downloads it to if it is missing.

    Of every class with n training images n // valid_one_in are valid and the others train (in EMNIST `balanced` 400
    and 2000, as in the paper's section on datasets): the last ones, or those of the published split. The official
    test images are test.
    Images keep the file's order; the index is the position in the file, of training or of test images.

    Args:
        root: the folder `paths.data`.
        source: a class of torchvision.datasets, such as MNIST, FashionMNIST or EMNIST.
        num_classes: labels must be 0..num_classes-1.
        image_size: the height and width that images must have.
        variant: which of EMNIST's splits, such as balanced; None elsewhere.
        transposed: whether the file's images are to be transposed to be upright (EMNIST's are).
        valid_one_in: which part of the training images is for validation.
        published_split: take the study's own validation images (see `held_out`).
        properties: see `image_dataset`.

    Raises:
        UserError: a file is missing and can't be downloaded, is damaged, or holds something else.
    """

    def download(folder: Path) -> None:
        import torchvision

        options = {"split": variant} if variant else {}
        getattr(torchvision.datasets, source)(folder, download=True, **options)

    # EMNIST calls its test set test, the others t10k.
    parts = [f"emnist-{variant}-train", f"emnist-{variant}-test"] if variant else ["train", "t10k"]
    names = [f"{part}-{kind}" for part in parts for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    files = data_files(root, f"{source}/raw", names, download, forms)

    size, labels = height_width(image_size), read_labels(files[1], num_classes)
    check_classes(files[1], labels, num_classes)
    known = f"{source}_{variant}".lower() if published_split else None
    *rows, how = held_out(labels, valid_one_in, known)
    inputs = read_images(files[0], labels, np.concatenate(rows), size, transposed)
    splits = {
        name: Split(part, torch.from_numpy(labels[r]), torch.from_numpy(r))
        for name, part, r in zip(("train", "valid"), inputs.split([len(r) for r in rows]), rows, strict=True)
    }
    labels = read_labels(files[3], num_classes)
    check_classes(files[3], labels, num_classes)
    every = np.arange(len(labels))
    inputs = read_images(files[2], labels, every, size, transposed)
    splits["test"] = Split(inputs, torch.from_numpy(labels), torch.from_numpy(every))
    where = tuple(file.absolute() for file in files)
    return image_dataset(
        splits, num_classes=num_classes, image_size=image_size, files=where, notes={"division": how}, **properties
    )


def forms(name: str) -> Iterator[str]:
    """Where people have a file, relative to <source>/raw: packed, named with a dot, in a folder of its own name."""
    for folder in FOLDERS:
        for spelling in dict.fromkeys((name, name.replace("-idx", ".idx"))):
            yield from (f"{folder}{spelling}", f"{folder}{spelling}.gz", f"{folder}{name}/{spelling}")


def read_labels(path: Path, num_classes: int) -> NDArray[np.int64]:
    """All labels of a file, int64 (N,), checked to be 0..num_classes-1."""
    labels = np.concatenate(list(blocks(path, ()))).astype(np.int64)
    if labels.max() >= num_classes:
        raise UserError(f"{path} holds the label {labels.max()}: allowed are 0 to {num_classes - 1}")
    return labels


def read_images(
    path: Path, labels: NDArray[np.int64], order: NDArray[np.int64], size: tuple[int, int], transposed: bool
) -> torch.Tensor:
    """All images of a file, uint8 (N, 1, *size), brought into the given order as they are read.

    Only one block is held besides the result, so memory stays near the data's own size.
    """
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    images = np.empty((len(order), 1, *size), np.uint8)
    start = 0
    for block in blocks(path, size[::-1] if transposed else size, len(labels)):
        images[place[start : start + len(block)], 0] = block.swapaxes(1, 2) if transposed else block
        start += len(block)
    return torch.from_numpy(images)


def blocks(path: Path, item: tuple[int, ...], count: int | None = None) -> Iterator[Bytes]:
    """The contents of an IDX file of bytes, plain or gzipped, as uint8 arrays of up to 4096 items.

    The format: two zero bytes, the type (8 for bytes), the number of dimensions, each dimension as a
    big-endian 32-bit number, then the values in C order.

    Args:
        path: the file.
        item: the shape that an item must have, () for labels.
        count: how many items there must be, as many as labels; None for any number.

    Raises:
        UserError: the file is not of that kind, is cut short, too long, or a corrupt .gz.
    """
    try:
        with _opened(path) as file:
            magic = file.read(4)
            if magic != bytes((0, 0, 8, len(item) + 1)):
                kind = "images (idx3-ubyte)" if item else "labels (idx1-ubyte)"
                raise UserError(f"{path} is not an IDX file of {kind}: it starts with {magic.hex(' ')}")
            header = file.read(4 * magic[3])
            if len(header) < 4 * magic[3]:
                raise UserError(f"{path} is truncated: it ends inside its header")
            length, *shape = struct.unpack(f">{magic[3]}I", header)
            if tuple(shape) != item:
                raise UserError(f"{path} holds images of {by(shape)} pixels: allowed are {by(item)}")
            if count is not None and length != count:
                raise UserError(f"{path} holds {length} images, but its file of labels {count} labels")
            if length == 0:
                raise UserError(f"{path} is empty: its header announces 0 items")
            for start in range(0, length, BLOCK):
                shape = [min(BLOCK, length - start), *item]
                values = np.frombuffer(file.read(int(np.prod(shape))), np.uint8)
                if values.size < np.prod(shape):
                    found = start * int(np.prod(item)) + values.size
                    promised = f"its header announces {by([length, *item])} bytes"
                    raise UserError(f"{path} is truncated: {promised}, found {found}")
                yield values.reshape(shape)
            if file.read(1):
                raise UserError(f"{path} is too long: bytes follow the {by([length, *item])} of its header")
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} can't be read: {error}") from error


def _opened(path: Path) -> IO[bytes] | gzip.GzipFile:
    """By its content, for browsers unpack a .gz and leave its name."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def by(shape: list[int] | tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
