from itertools import pairwise

import numpy as np
import pytest
import torch

from modrobust.dataset.splits import Split
from modrobust.dataset.take import hold_out, limit, rank_in_class
from modrobust.errors import UserError


def split_of(counts: list[int]) -> Split:
    """Shuffled classes with so many examples each; inputs and index tell which example is which."""
    labels = np.random.default_rng(5).permutation(np.repeat(np.arange(len(counts)), counts))
    n = len(labels)
    inputs = torch.arange(n, dtype=torch.float32)[:, None]
    return Split(inputs, torch.from_numpy(labels), 1000 + torch.arange(n), task=torch.arange(n) % 3)


def class_counts(split: Split, classes: int) -> list[int]:
    return torch.bincount(split.targets, minlength=classes).tolist()


def test_rank_in_class_keeps_the_order_or_takes_one() -> None:
    labels = np.array([1, 0, 1, 1, 0])
    rank, size = rank_in_class(labels)
    assert rank.tolist() == [0, 0, 1, 2, 1]
    assert size.tolist() == [3, 2, 3, 3, 2]
    assert rank_in_class(labels, -np.arange(5))[0].tolist() == [2, 1, 1, 0, 0]


def test_rank_in_class_takes_equal_rows_of_bits_as_a_class() -> None:
    bits = np.array([[0, 1], [1, 1], [0, 1], [0, 0]], np.float32)
    assert rank_in_class(bits)[0].tolist() == [0, 0, 1, 0]


def test_hold_out_takes_the_last_of_each_class() -> None:
    labels = np.array([0] * 7 + [1] * 4 + [0] * 5 + [1] * 2)  # twelve and six
    kept, held = hold_out(labels, 6)
    assert held.tolist() == [14, 15, 17]
    assert sorted([*kept, *held]) == list(range(18))
    assert (np.diff(kept) > 0).all()


@pytest.mark.parametrize("n", [3, 10, 17, 50, 99])
def test_limit_is_stratified(n: int) -> None:
    counts = [60, 30, 10]
    found = class_counts(limit(split_of(counts), n, 0, "train"), 3)
    assert sum(found) == n
    assert min(found) >= 1
    assert all(abs(f - n * c / 100) < 1 for f, c in zip(found, counts, strict=True))


def test_limit_of_balanced_classes_differs_by_one_at_most() -> None:
    found = class_counts(limit(split_of([50] * 10), 47, 3, "train"), 10)
    assert set(found) == {4, 5}


def test_limit_keeps_rare_classes_and_nests() -> None:
    split = split_of([1000, 2, 1])
    subsets = [set(limit(split, n, 0, "train").index.tolist()) for n in (1, 3, 4, 20, 500, 1002)]
    assert all(small < large for small, large in pairwise(subsets))
    assert class_counts(limit(split, 3, 0, "train"), 3) == [1, 1, 1]


def test_limit_keeps_order_index_and_task() -> None:
    split = split_of([20, 20])
    part = limit(split, 9, 1, "train")
    rows = part.index - 1000
    assert (rows.diff() > 0).all()
    assert torch.equal(part.inputs[:, 0].long(), rows)
    assert torch.equal(part.targets, split.targets[rows])
    assert part.task is not None and torch.equal(part.task, rows % 3)


def test_limit_is_chosen_by_the_seed() -> None:
    split = split_of([100, 100])
    first, again, other = (limit(split, 20, seed, "train").index.tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_limit_of_all_is_the_split_itself() -> None:
    split = split_of([4, 4])
    assert limit(split, None, 0, "test") is split
    assert limit(split, 8, 0, "test") is split


@pytest.mark.parametrize("n", [0, -1, 9, 2.5, True, "all"])
def test_limit_names_what_is_allowed(n: int) -> None:
    message = rf"dataset.n_valid is {n}, but split 'valid' has 8 .* 1 to 8, or null"
    with pytest.raises(UserError, match=message):
        limit(split_of([4, 4]), n, 0, "valid")


@pytest.mark.parametrize("seed", [-1, 0.5])
def test_limit_refuses_a_seed(seed: int) -> None:
    with pytest.raises(UserError, match=rf"dataset.subset_seed is {seed}: allowed"):
        limit(split_of([4, 4]), 3, seed, "train")
