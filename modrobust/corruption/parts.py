"""Batches in parts: what a CPU works on stays in its cache."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from modrobust.corruption.draw import Draw

CACHED = 3 * 2**18  # values of images at a time: 3 MB, with what is made of them well within a cache of 16 MB
IN_FLOAT64 = 2**17  # the same where most of the work is in float64 and done best in a core's own cache


def in_parts(function: Callable[..., Tensor], values: int = CACHED) -> Callable[..., Tensor]:
    """Let a corruption have as many images at a time as a CPU's cache holds, and their random numbers."""

    @wraps(function)
    def corrupt(images: Tensor, draw: Draw, *args: Any, **kwargs: Any) -> Tensor:
        at_a_time = max(1, values // max(1, images.shape[1:].numel()))
        if images.is_cuda or len(images) <= at_a_time:
            return function(images, draw, *args, **kwargs)
        corrupted = torch.empty_like(images, memory_format=torch.contiguous_format)
        for start in range(0, len(images), at_a_time):
            part = slice(start, start + at_a_time)
            corrupted[part] = function(images[part], draw.part(part), *args, **kwargs)
        return corrupted

    return corrupt
