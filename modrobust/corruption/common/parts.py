"""Batches in parts: what a CPU works on stays in its cache; and image by image in threads."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any

import numpy as np
import torch
from torch import Tensor

from modrobust.corruption.draw import Draw

CACHED = 2**17  # values of images at a time

Common = Callable[..., Tensor]
Planes = np.ndarray[Any, Any]


def in_parts(function: Common) -> Common:
    """Let a corruption have as many images at a time as a CPU's cache holds, and their random numbers."""

    @wraps(function)
    def corrupt(images: Tensor, draw: Draw, *args: Any, **kwargs: Any) -> Tensor:
        at_a_time = max(1, CACHED // images.shape[1:].numel())
        if images.is_cuda or len(images) <= at_a_time:
            return function(images, draw, *args, **kwargs)
        parts = [slice(start, start + at_a_time) for start in range(0, len(images), at_a_time)]
        corrupted = torch.empty_like(images, memory_format=torch.contiguous_format)
        for part in parts:
            corrupted[part] = function(images[part], draw.part(part), *args, **kwargs)
        return corrupted

    return corrupt


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
