"""The 1,797 handwritten digits that come with scikit-learn: nothing to download, the default."""

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from modrobust.dataset.images import image_dataset
from modrobust.dataset.splits import ImageDataset, Split, height_width
from modrobust.dataset.take import rank_in_class

FILE = "datasets/data/digits.csv.gz"
SPLIT_OF_SIX = ("train", "train", "train", "train", "valid", "test")


def digits(root: Path, *, image_size: int | Sequence[int], **properties: Any) -> ImageDataset:
    """Digits of 8x8 pixels, enlarged with smooth (bicubic) interpolation, grey.

    The k-th digit of a class goes to train, valid or test by k mod 6, so that every split has digits of
    every writer: 1,204 train, 297 valid, 296 test. The index is the position in scikit-learn's order.

    Args:
        root: not used; every dataset takes it.
        image_size: height and width in pixels to enlarge to.
        properties: see `image_dataset`.
    """
    large, labels = enlarged(height_width(image_size))
    sixth = rank_in_class(labels)[0] % 6
    splits = {}
    for name in dict.fromkeys(SPLIT_OF_SIX):
        rows = np.flatnonzero(np.array(SPLIT_OF_SIX)[sixth] == name)
        splits[name] = Split(
            torch.from_numpy(large[rows, None]), torch.from_numpy(labels[rows]), torch.from_numpy(rows)
        )
    return image_dataset(splits, image_size=image_size, files=(), **properties)


@lru_cache(maxsize=4)  # a twentieth of a second, for every run of a process
def enlarged(size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All digits, grey, at a height and width: images (1797, H, W), classes (1797,). Not to be changed."""
    small, labels = bundled_digits()
    grey = np.rint(small * (255 / 16)).astype(np.uint8)
    return np.stack([enlarge(image, size) for image in grey]), labels


def enlarge(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """An image (H, W) at another height and width. Pillow resizes bytes in whole numbers: the same on every machine."""
    return np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC))


def bundled_digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """scikit-learn's digits: images (1797, 8, 8) of 0..16, classes (1797,).

    Its file is read without importing scikit-learn, which takes a second; should the file move, it is
    scikit-learn that reads it.
    """
    spec = find_spec("sklearn")
    file = Path(spec.origin).parent / FILE if spec and spec.origin else Path(FILE)
    if file.is_file():
        table = np.loadtxt(file, delimiter=",")
        return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images, bunch.target.astype(np.int64)
