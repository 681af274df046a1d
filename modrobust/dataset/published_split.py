"""Which training images the study of arXiv 2306.09005 held out for validation.

It took the last ones of an unstable sort of the labels, which no other machine need repeat. Their places in the
official training files of CIFAR-10 and of EMNIST balanced, as bits, are in published_split.npz; with them the published
mean and standard deviation of CIFAR-10 come out in all digits. The order of FaceScrub's photos within a person was that
of a folder on the study's machine, and is not known.
"""

from pathlib import Path

import numpy as np

from modrobust.dataset.take import Integers, hold_out

FILE = Path(__file__).with_suffix(".npz")
OFFICIAL = {"cifar10": 50_000, "emnist_balanced": 112_800}
"""How many training images the official files have."""


def held_out(labels: Integers, one_in: int, published: str | None) -> tuple[Integers, Integers, str]:
    """Rows to keep, rows to hold out, both ascending, and how that was decided, for the record of a run.

    Args:
        labels: of all training images, in the order of the official files.
        one_in: of a class of n images n // one_in are held out.
        published: whose published rows are to be taken, where the labels are the official ones: as many, and
            with the due number of every class in the published places. None for the last of every class in any case.
    """
    if published is not None and len(labels) == OFFICIAL.get(published):
        with np.load(FILE) as file:
            held = np.unpackbits(file[published], count=len(labels)) == 1
        if np.array_equal(np.bincount(labels[held]), np.bincount(labels) // one_in):  # in another order it hardly would
            return np.flatnonzero(~held), np.flatnonzero(held), "published: the study's own validation images"
    reason = "" if published is None else " (the labels are not the official ones)"
    return *hold_out(labels, one_in), f"the last 1/{one_in} of every class{reason}"
