"""Images divided into train, valid and test, class by class, by a seed and their names."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from modrobust.dataset.take import rank_in_class
from modrobust.errors import UserError

Integers = NDArray[np.int64]
Rows = dict[str, tuple[str, Integers]]
"""Split -> the source its images are from, and their places there, ascending."""


def divided(
    labels: Mapping[str, Integers],
    names: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    fractions: Mapping[str, float],
    seed: int,
    where: str,
) -> Rows:
    """The splits that are given, and those that are not, taken from train.

    Of every class a split gets its fraction of what train has, rounded, but one image at least. Which ones follows from
    the seed and their names alone: an image that is added moves few others.

    Args:
        labels: of train, and of valid and test where they are given: classes, int64 (N,).
        names: of the images of each.
        classes: their names.
        fractions: of valid and of test, of the images of train.
        seed: chooses them.
        where: the images are, for messages.

    Raises:
        UserError: train lacks a class or has too few images of one, or the fractions leave nothing for training.
    """
    held = {split: fraction for split, fraction in fractions.items() if split not in labels}
    train = labels["train"]
    counts = np.bincount(train, minlength=len(classes))
    least = 1 + len(held)
    if (fewest := int(counts.min())) < least:
        few = f"{where}: class {classes[int(counts.argmin())]} has {_counted(fewest)}"
        splits = " and ".join(", ".join(["train", *held]).rsplit(", ", 1))
        raise UserError(f"{few} for training: at least {least} are needed{f', for {splits}' if held else ''}")
    keys = [blake2b(f"{seed}/{name}".encode("utf-8", "surrogateescape"), digest_size=7) for name in names["train"]]
    rank, size = rank_in_class(train, np.array([int.from_bytes(key.digest()) for key in keys]))
    rows: Rows = {"train": ("train", np.arange(0)), **{split: (split, np.arange(0)) for split in fractions}}
    taken = np.zeros_like(size)
    for split, fraction in held.items():
        more = np.maximum(1, np.rint(size * fraction)).astype(np.int64)
        rows[split] = ("train", np.flatnonzero((taken <= rank) & (rank < taken + more)))
        taken += more
    if (taken >= size).any():
        raise UserError(
            f"{where}: dataset.valid_fraction={fractions['valid']} and dataset.test_fraction={fractions['test']} leave"
            f" class {classes[train[int((taken >= size).argmax())]]} nothing for training"
        )
    rows["train"] = ("train", np.flatnonzero(rank >= taken))
    return rows | {split: (split, np.arange(len(labels[split]))) for split in fractions if split in labels}


def _counted(n: int) -> str:
    return f"{n or 'no'} image{'' if n == 1 else 's'}"
