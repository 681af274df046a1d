"""Batches image by image, or a few at a time, in threads."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modrobust.corruption.parts import CACHED

Planes = np.ndarray[Any, Any]


def each(function: Callable[..., Iterable[Planes]], images: Tensor, *more: Sequence[Any]) -> Tensor:
    """Apply a function to one image after the other, in as many threads as torch has.

    Args:
        function: of an image, float32 (C, H, W), and its element of each of `more`, to C planes of numbers (H, W).
        images: float32 (B, C, H, W).
        more: sequences of length B.
    """
    given = images.cpu().numpy()
    made = np.empty(given.shape, dtype=np.float32)

    def do(i: int) -> None:
        for target, plane in zip(made[i], function(given[i], *(one[i] for one in more)), strict=True):
            target[...] = plane

    _in_threads(do, range(len(given)))
    return torch.from_numpy(made).to(images.device)


def groups(function: Callable[[Planes], Planes], images: Tensor) -> Tensor:
    """The same of a function of as many images as a cache holds: float32 (n, C, H, W) to numbers of that shape."""
    given = images.cpu().numpy()
    made = np.empty(given.shape, dtype=np.float32)
    size = max(1, CACHED // given[0].size)

    def do(start: int) -> None:
        made[start : start + size] = function(given[start : start + size])

    _in_threads(do, range(0, len(given), size))
    return torch.from_numpy(made).to(images.device)


def _in_threads(do: Callable[[int], None], numbers: range) -> None:
    threads = min(torch.get_num_threads(), len(numbers))

    def share(first: int) -> None:
        for number in numbers[first::threads]:
            do(number)

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(share, range(threads)))
    elif threads:
        share(0)
