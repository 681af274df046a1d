"""Whether a dataset, perhaps a user's own, is what methods and evaluations expect; checked before any training."""

from typing import Any

import torch
from torch import Tensor

from modrobust.dataset.splits import Dataset, ImageDataset, Split
from modrobust.dataset.structure import StructuredDataset
from modrobust.errors import UserError


def check_dataset(dataset: Any, source: str) -> None:
    """Check types, shapes, dtypes and the range of classes.

    Args:
        dataset: what the function of the configuration returned.
        source: the function, for messages.

    Raises:
        UserError: what is wrong, what was found and what is needed.
    """
    if not isinstance(dataset, ImageDataset | StructuredDataset):
        found = type(dataset).__name__
        raise UserError(f"{source} returns {found}: an ImageDataset is needed, see modrobust/dataset/splits.py.")
    needed = ("train", "valid", "test") if isinstance(dataset, ImageDataset) else ("train", "valid")
    if missing := [key for key in needed if key not in dataset.splits]:
        found = ", ".join(map(str, dataset.splits)) or "none"
        raise UserError(f"{source}: the splits {', '.join(needed)} are needed; {missing[0]} is not among {found}.")
    for key, split in dataset.splits.items():
        _check_split(dataset, split, f"{source}: split {key}")
    if isinstance(dataset, ImageDataset):
        for key, values in (("mean", dataset.mean), ("std", dataset.std)):
            if not isinstance(values, tuple | list) or len(values) != 3 or (key == "std" and min(values) <= 0):
                raise UserError(f"{source}: {key} is {values}: three numbers are needed, those of std above 0.")


def _check_split(dataset: Dataset, split: Any, place: str) -> None:
    if not isinstance(split, Split):
        raise UserError(f"{place} is {type(split).__name__}: a Split is needed, see modrobust/dataset/splits.py.")
    for key in ("inputs", "targets", "index"):
        if not isinstance(value := getattr(split, key), Tensor):
            raise UserError(f"{place}: {key} are {type(value).__name__}: a tensor is needed.")
    n = len(split.targets) if split.targets.ndim else 0
    if n == 0:
        raise UserError(f"{place} is empty: at least one example is needed.")
    _need(split.index, torch.int64, (n,), f"{place}: index")
    if not isinstance(dataset, ImageDataset):
        return
    channels = 3 if split.inputs.ndim == 4 and split.inputs.shape[1] == 3 else 1
    _need(split.inputs, torch.uint8, (n, channels, *dataset.image_size), f"{place}: inputs")
    _need(split.targets, torch.int64, (n,), f"{place}: targets")
    low, high = (int(x) for x in split.targets.aminmax())
    if low < 0 or high >= dataset.num_classes:
        wrong = low if low < 0 else high
        raise UserError(f"{place}: targets have the class {wrong}: 0 to {dataset.num_classes - 1} are needed.")


def _need(tensor: Tensor, dtype: torch.dtype, shape: tuple[int, ...], what: str) -> None:
    if (tensor.dtype, tensor.shape) != (dtype, shape):
        found, needed = (str(d).removeprefix("torch.") for d in (tensor.dtype, dtype))
        raise UserError(f"{what} are {found} {tuple(tensor.shape)}: {needed} {shape} is needed.")
