"""Which examples a split holds: the last of every class held out, or a stratified subset."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from modrobust.dataset.splits import Split
from modrobust.errors import UserError

Array = NDArray[np.generic]
Integers = NDArray[np.int64]


def rank_in_class(targets: Array, order: Array | None = None) -> tuple[Integers, Integers]:
    """The place of every example among those of its class, and the size of its class.

    Args:
        targets: classes (N,), or bits (N, B), where equal rows are a class.
        order: (N,) numbers to order a class by; by default examples keep the order they are in.

    Returns:
        Two int64 arrays (N,): ranks 0..size-1, sizes.
    """
    _, classes, counts = np.unique(targets, axis=0, return_inverse=True, return_counts=True)
    classes = classes.reshape(-1)
    by_class = np.lexsort((np.arange(len(classes)) if order is None else order, classes))
    rank = np.empty(len(classes), np.int64)
    rank[by_class] = np.arange(len(classes)) - (np.cumsum(counts) - counts)[classes[by_class]]
    return rank, counts[classes]


def check_classes(place: Path, labels: Integers, num_classes: int) -> None:
    """Refuse labels (N,) in which a class never occurs: files of another variant have the right names, too.

    Raises:
        UserError: which classes, and where.
    """
    if len(missing := np.setdiff1d(np.arange(num_classes), labels)):
        shown = ", ".join(map(str, missing[:5])) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise UserError(
            f"{place} has no image of class {shown}, of dataset.num_classes={num_classes}: it is of another data set"
            " or variant, or cut down"
        )


def hold_out(targets: Array, one_in: int) -> tuple[Integers, Integers]:
    """Rows to keep, and rows to hold out: of a class of n, the last n // one_in. Both ascending."""
    rank, size = rank_in_class(targets)
    held = rank >= size - size // one_in
    return np.flatnonzero(~held), np.flatnonzero(held)


def limit(split: Split, n: int | None, seed: int, name: str) -> Split:
    """A stratified subset of n examples, in the order of the split, copied to memory.

    Classes get seats by the method of Sainte-Laguë, after one seat for each: counts are proportional up to
    rounding, every class is kept where n allows it, and for one seed a smaller subset is part of a larger
    one (largest remainders would round as well but would not nest).

    Args:
        split: where to take from.
        n: how many examples; None for all.
        seed: chooses the examples, the same ones on every machine.
        name: the split's name, for the message.

    Raises:
        UserError: n is below 1, above the split's size or not a whole number, or the seed is negative.
    """
    if n is None:
        return split
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= len(split):
        raise UserError(
            f"dataset.n_{name} is {n}, but split '{name}' has {len(split)} examples:"
            f" allowed are 1 to {len(split)}, or null for all"
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UserError(f"dataset.subset_seed is {seed}: allowed are whole numbers from 0")
    if n == len(split):
        return split
    draw = np.random.default_rng(seed).random(len(split))
    rank, size = rank_in_class(split.targets.numpy(), draw)
    share = np.where(rank == 0, 0.0, (rank + 0.5) / size)
    return split.take(torch.from_numpy(np.sort(np.lexsort((draw, share))[:n])), "cpu")
