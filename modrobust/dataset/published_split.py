"""Which training images the study of arXiv 2306.09005 held out for validation.

It took the last ones of an unstable sort of the labels, which no other machine need repeat. Their places in the
official training files of CIFAR-10 and of EMNIST balanced, as bits, are in published_split.npz; with them the published
mean and standard deviation of CIFAR-10 come out in all digits. The order of FaceScrub's photos within a person was that
of a folder on the study's machine, and is not known.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modrobust.dataset.take import Integers, hold_out

FILE = Path(__file__).with_suffix(".npz")
OFFICIAL = {"cifar10": (50_000, 5), "emnist_balanced": (112_800, 6)}
"""How many training images the official files have, and of how many of a class the study held out one."""


def held_out(labels: Integers, one_in: int, published: str | None) -> tuple[Integers, Integers, str]:
    """Rows to keep, rows to hold out, both ascending, and how that was decided, for the record of a run.

    Args:
        labels: of all training images, in the order of the official files.
        one_in: of a class of n images n // one_in are held out.
        published: whose published rows are to be taken, where the labels are the official ones: as many, and
            with the due number of every class in the published places. None for the last of every class in any case.
    """
    held, reason = (None, "") if published is None else _published(labels, one_in, published)
    if held is None:
        return *hold_out(labels, one_in), f"the last 1/{one_in} of every class{reason}"
    return np.flatnonzero(~held), np.flatnonzero(held), "published: the study's own validation images"


def _published(labels: Integers, one_in: int, name: str) -> tuple[NDArray[np.bool_] | None, str]:
    """Which rows were held out, bool (N,); or None, and why the published ones can't be taken."""
    if name not in OFFICIAL:
        return None, " (none are published for these files)"
    images, of = OFFICIAL[name]
    if len(labels) == images:
        with np.load(FILE) as file:
            held = np.unpackbits(file[name], count=images) == 1
        if np.array_equal(np.bincount(labels[held]), np.bincount(labels) // of):  # in another order it hardly would
            return (held, "") if one_in == of else (None, f" (the published ones are 1/{of})")
    return None, " (the labels are not the official ones)"
