"""Pairs of images of digits, whose targets follow from the digits' bits: the graph [2,2,3,2,2]."""

from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from modrobust.dataset.boolean import check_split_seed, cut
from modrobust.dataset.digits import digits as digit_images
from modrobust.dataset.download import data_files
from modrobust.dataset.gates import check_whole
from modrobust.dataset.idx import forms, read_images, read_labels
from modrobust.dataset.splits import Split
from modrobust.dataset.structure import Structure, StructuredDataset
from modrobust.errors import UserError, nearest

Integers = NDArray[np.int64]
LabelPairs = Sequence[tuple[int, int]]

MAX_DIGITS = 8  # three bits
STRUCTURE = Structure(
    inputs=(((0,), (1,)), ((0, 3), (1, 4), (2, 5)), ((0, 1), (1, 2))),
    outputs=(0, 1),
    functions=((0, 0), (0, 0, 0), (1, 1)),
    image_outputs=3,
)


class Source(NamedTuple):
    """Images of single digits, uint8 (N, 1, H, W), and what they show, int64 (N,)."""

    images: torch.Tensor
    labels: Integers

    def places(self, digits: int) -> list[Integers]:
        """Where the images of each of the digits 0, 1, ... are, ascending."""
        return [np.flatnonzero(self.labels == digit) for digit in range(digits)]


Found = tuple[Source, Source, tuple[Path, ...]]
"""Images for training and for tests, and the files that they are from."""


def digit_pairs(
    root: Path,
    *,
    name: str,
    source: str,
    digits: int,
    image_size: int,
    train_fraction: float,
    split_seed: int | None,
    train_per_pair: int,
    valid_per_pair: int,
    test_per_pair: int,
    mean: float,
    std: float,
) -> StructuredDataset:
    """Two images each, of a and of b: with the bits q2, q1, q0 of a xor b, targets are q2 and q1, q1 and q0.

    Inputs are uint8 (N, 2, H, W), targets float32 (N, 2), the index is the position in the split. Of all pairs
    of digits, shuffled, int(pairs * train_fraction) are in train and test_seen, half of the rest, rounded down,
    in valid, the others in test_unseen; all are in every split where all are trained on. Train and valid are made
    of the source's training images, the tests of its test images. No pair of images is twice in a split.

    Args:
        root: the folder `paths.data`.
        name: see `Dataset`.
        source: MNIST (from `<root>/MNIST/raw`, downloaded if missing), or digits (scikit-learn's: of its splits
            train and valid are for training here).
        digits: how many, 2 to 8: 0, 1, ...
        image_size: height and width in pixels: 28 of MNIST, any that scikit-learn's are to be enlarged to.
        train_fraction: above 0, up to 1.
        split_seed: shuffles the pairs of digits, and draws their images; None for the seed of the run.
        train_per_pair, valid_per_pair, test_per_pair: how many pairs of images of every pair of digits.
        mean, std: of pixels in 0..1, for normalisation; std above 0.

    Raises:
        UserError: a value is not allowed, the fraction leaves a split empty, a pair of digits has fewer pairs of
            images than asked for, or the source's files can't be had or are damaged.
    """
    if source not in SOURCES:
        raise UserError(f"dataset.source is {source}: allowed are {', '.join(SOURCES)}.{nearest(source, SOURCES)}")
    check_whole("digits", digits, 2, MAX_DIGITS)
    if std <= 0:
        raise UserError(f"dataset.std is {std}: allowed are numbers above 0")
    check_split_seed(split_seed)
    shares = cut(digits**2, train_fraction)
    train, test, files = SOURCES[source](root, image_size)
    plan = {
        "train": (shares["train"], train, train_per_pair),
        "valid": (shares["valid"], train, valid_per_pair),
        "test_seen": (shares["train"], test, test_per_pair),
        "test_unseen": (shares["test"], test, test_per_pair),
    }
    for split, (_, images, count) in plan.items():
        fewest = min(map(len, images.places(digits)))
        check_whole(f"{split.partition('_')[0]}_per_pair", count, 1, fewest**2)
    resplit = partial(_splits, plan, digits)
    return StructuredDataset(
        name=name,
        splits=resplit(split_seed or 0),
        structure=STRUCTURE,
        mean=mean,
        std=std,
        resplit=resplit if split_seed is None else None,
        files=files,
    )


def shuffled_pairs(digits: int, seed: int) -> LabelPairs:
    """All ordered pairs of the digits 0, 1, ..., a digit with itself among them, in the order of a seed."""
    pairs = list(product(range(digits), range(digits)))
    Random(seed).shuffle(pairs)
    return pairs


def draw(pairs: LabelPairs, places: Sequence[Integers], count: int, seed: int) -> Integers:
    """Pairs of images, drawn without replacement from all that a pair of digits has.

    Args:
        pairs: pairs of digits, in order.
        places: where the images of every digit are.
        count: how many pairs of images of every pair of digits; at most as many as there are.
        seed: of the draw.

    Returns:
        int64 (len(pairs) * count, 2), the places of the images.
    """
    rng = Random(seed)
    drawn = []
    for a, b in pairs:
        first, second = np.divmod(rng.sample(range(len(places[a]) * len(places[b])), count), len(places[b]))
        drawn.append(np.stack([places[a][first], places[b][second]], 1))
    return np.concatenate(drawn)


def targets_of(labels: Integers) -> NDArray[np.float32]:
    """The two target bits, float32 (N, 2), of pairs of digits, int64 (N, 2)."""
    q = labels[:, 0] ^ labels[:, 1]
    q2, q1, q0 = q >> 2 & 1, q >> 1 & 1, q & 1
    return np.stack([q2 & q1, q1 & q0], 1).astype(np.float32)


def _splits(plan: dict[str, tuple[slice, Source, int]], digits: int, seed: int) -> dict[str, Split]:
    """The splits of a seed; a plan names the share of the pairs of digits, the images, and how many of each pair."""
    pairs = shuffled_pairs(digits, seed)
    splits = {}
    for name, (share, source, count) in plan.items():
        where = draw(pairs[share], source.places(digits), count, seed)
        targets = torch.from_numpy(targets_of(source.labels[where]))
        splits[name] = Split(source.images[:, 0][torch.from_numpy(where)], targets, torch.arange(len(where)))
    return splits


def _mnist(root: Path, image_size: int) -> Found:
    """MNIST's 60,000 training and 10,000 test images, in the order of the files."""

    def download(folder: Path) -> None:
        import torchvision

        torchvision.datasets.MNIST(folder, download=True)

    names = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    files = data_files(root, "MNIST/raw", names, download, forms)

    def read(images: Path, labels: Path) -> Source:
        classes = read_labels(labels, 10)
        return Source(read_images(images, classes, np.arange(len(classes)), (image_size, image_size), False), classes)

    return read(*files[:2]), read(*files[2:]), tuple(file.absolute() for file in files)


def _bundled(root: Path, image_size: int) -> Found:
    """scikit-learn's digits, train and valid together, and test, each in scikit-learn's order."""
    half = (0.5, 0.5, 0.5)  # has no effect
    splits = digit_images(root, name="digits", num_classes=10, image_size=image_size, mean=half, std=half).splits

    def join(*parts: Split) -> Source:
        order = torch.cat([part.index for part in parts]).argsort()
        images, labels = (torch.cat(kind)[order] for kind in zip(*((p.inputs, p.targets) for p in parts), strict=True))
        return Source(images, labels.numpy())

    return join(splits["train"], splits["valid"]), join(splits["test"]), ()


SOURCES = {"MNIST": _mnist, "digits": _bundled}
