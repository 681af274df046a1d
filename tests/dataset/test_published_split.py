"""The published validation images: their places, when they are taken, and that the record says so."""

from pathlib import Path

import numpy as np
import pytest
from published import compare, published

from modrobust.dataset.published_split import held_out
from modrobust.dataset.take import Integers, check_classes, hold_out
from modrobust.errors import UserError

SETS = {  # images a class, classes, one in so many is held out, the first places, the sum of all and of their squares
    "cifar10": (5000, 10, 5, [4, 5, 6, 9, 13], 228094138, 4918382692),
    "emnist_balanced": (2400, 47, 6, [2, 4, 5, 7, 8], 1045708794, 9404721649),
}


def labels_of(name: str) -> Integers:
    """Labels in which the published places hold as many of each class as they should."""
    each, classes, *_ = SETS[name]
    packed = np.load(Path(__file__).parents[2] / "modrobust/dataset/published_split.npz")[name]
    held = np.unpackbits(packed, count=each * classes) == 1
    labels = np.empty(each * classes, np.int64)
    labels[held] = np.arange(held.sum()) % classes
    labels[~held] = np.arange((~held).sum()) % classes
    return labels


@published
@pytest.mark.parametrize("name", SETS)
def test_the_published_places(name: str) -> None:
    each, classes, one_in, first, total, squares = SETS[name]
    kept, held, how = held_out(labels_of(name), one_in, name)
    assert how.startswith("published")
    compare("validation images of CIFAR-10 and EMNIST: sums of places", held.sum(), total)
    assert held[:5].tolist() == first and held.sum() == total and (held * held % 1000003).sum() == squares
    assert len(held) == each // one_in * classes
    assert np.array_equal(np.sort(np.concatenate([kept, held])), np.arange(each * classes))


@pytest.mark.parametrize("name", SETS)
def test_other_labels_are_cut_as_ever(name: str) -> None:
    one_in, labels = SETS[name][2], labels_of(name)
    for other in (np.random.default_rng(0).permutation(labels), labels[:-1], np.arange(60) % 3):
        *rows, how = held_out(other, one_in, name)
        assert how == f"the last 1/{one_in} of every class (the labels are not the official ones)"
        assert all(map(np.array_equal, rows, hold_out(other, one_in)))
    *rows, how = held_out(labels, one_in, None)
    assert how == f"the last 1/{one_in} of every class" and np.array_equal(rows[1], hold_out(labels, one_in)[1])
    assert held_out(labels, 10, name)[2] == f"the last 1/10 of every class (the published ones are 1/{one_in})"
    assert held_out(labels, one_in, "mnist_none")[2].endswith("(none are published for these files)")


def test_classes_that_never_occur_are_noticed() -> None:
    check_classes(Path("labels"), np.arange(6) % 3, 3)
    line = r"^labels has no image of class 0, 27, 28, 29, 30 and 16 more, of dataset.num_classes=47: it is of another"
    with pytest.raises(UserError, match=line):
        check_classes(Path("labels"), 1 + np.arange(100) % 26, 47)
