"""Labels as others keep them, made into classes 0, 1, ..."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modrobust.errors import UserError


def as_classes(
    labels: Mapping[str, NDArray[Any]], names: Sequence[str] | None, where: str
) -> tuple[dict[str, NDArray[np.int64]], list[str]]:
    """Numbers without gaps, and the classes' names; a class is what train has.

    Args:
        labels: of train, and of valid and test where they are given: numbers or texts (N,).
        names: of the labels, where these are numbers; None for the labels themselves.
        where: they are, for messages.

    Raises:
        UserError: one of valid or test is not in train.
    """
    known = np.unique(labels["train"])
    classes = [str(names[label] if names and label < len(names) else label) for label in known.tolist()]
    numbers = {}
    for split, some in labels.items():
        place = np.searchsorted(known, some).clip(max=len(known) - 1)
        if (wrong := known[place] != some).any():
            raise UserError(f"{where}: class {some[wrong][0]} of {split} has no images in train")
        numbers[split] = place.astype(np.int64)
    return numbers, classes
