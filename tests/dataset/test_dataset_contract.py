"""A dataset that breaks the contract is refused in one line that says what was found and what is needed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from modrobust.dataset.contract import check_dataset
from modrobust.dataset.splits import ImageDataset, Split
from modrobust.errors import UserError


def split(n: int = 6, **changes: Any) -> Split:
    images = torch.zeros(n, 1, 8, 8, dtype=torch.uint8)
    return replace(Split(images, torch.arange(n) % 3, torch.arange(n)), **changes)


def dataset(train: Any = None, **changes: Any) -> ImageDataset:
    splits = {"train": split() if train is None else train, "valid": split(), "test": split()}
    return replace(ImageDataset("mine", splits, num_classes=3, image_size=8), **changes)


def test_a_good_one() -> None:
    check_dataset(dataset(), "dataset (my.data)")
    check_dataset(dataset(split(inputs=torch.zeros(6, 3, 8, 8, dtype=torch.uint8))), "dataset (my.data)")


WRONG = {
    "a tuple": ((1, 2), " returns tuple: an ImageDataset is needed, see modrobust/dataset/splits.py."),
    "no test": (
        dataset(splits={"train": split(), "valid": split()}),
        ": the splits train, valid, test are needed; test is not among train, valid.",
    ),
    "a pair": (dataset((1, 2)), ": split train is tuple: a Split is needed, see modrobust/dataset/splits.py."),
    "numpy": (dataset(split(inputs=np.zeros((6, 1, 8, 8)))), ": split train: inputs are ndarray: a tensor is needed."),
    "float": (
        dataset(split(inputs=torch.zeros(6, 1, 8, 8))),
        ": split train: inputs are float32 (6, 1, 8, 8): uint8 (6, 1, 8, 8) is needed.",
    ),
    "no channel": (
        dataset(split(inputs=torch.zeros(6, 8, 8, dtype=torch.uint8))),
        ": split train: inputs are uint8 (6, 8, 8): uint8 (6, 1, 8, 8) is needed.",
    ),
    "size": (dataset(image_size=9), ": split train: inputs are uint8 (6, 1, 8, 8): uint8 (6, 1, 9, 9) is needed."),
    "fewer images": (
        dataset(split(inputs=torch.zeros(5, 1, 8, 8, dtype=torch.uint8))),
        ": split train: inputs are uint8 (5, 1, 8, 8): uint8 (6, 1, 8, 8) is needed.",
    ),
    "int32 targets": (
        dataset(split(targets=torch.zeros(6, dtype=torch.int32))),
        ": split train: targets are int32 (6,): int64 (6,) is needed.",
    ),
    "one-hot targets": (
        dataset(split(targets=torch.eye(6, dtype=torch.int64))),
        ": split train: targets are int64 (6, 6): int64 (6,) is needed.",
    ),
    "classes from 1": (
        dataset(split(targets=torch.arange(6) % 3 + 1)),
        ": split train: targets have the class 3: 0 to 2 are needed.",
    ),
    "no examples": (dataset(split(0)), ": split train is empty: at least one example is needed."),
    "index": (dataset(split(index=torch.arange(5))), ": split train: index are int64 (5,): int64 (6,) is needed."),
    "mean": (dataset(mean=(0.5,)), ": mean is (0.5,): three numbers are needed, those of std above 0."),
    "std": (dataset(std=(1, 1, 0)), ": std is (1, 1, 0): three numbers are needed, those of std above 0."),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_one(what: str) -> None:
    made, message = WRONG[what]
    with pytest.raises(UserError) as refused:
        check_dataset(made, "dataset (my.data)")
    assert str(refused.value) == f"dataset (my.data){message}"
