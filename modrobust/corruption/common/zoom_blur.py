"""Zoom blur: the mean over a zoom."""

from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor

from modrobust.corruption.common.banded import whole
from modrobust.corruption.common.table import parameters
from modrobust.corruption.common.zooming import matrix
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import IN_FLOAT64, in_parts
from modrobust.corruption.separable import Blocks, across, blocks, grid

FACTORS = {  # from 1 to before the first, by the second
    224: ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    32: ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
}


@partial(in_parts, values=IN_FLOAT64)
def zoom_blur(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """The mean of the image and of its zooms about the centre. Contract: see `modrobust.corruption.common`."""
    (stop, step), _ = parameters(FACTORS, images, severity, table)
    factors = np.arange(1, stop, step)
    planes = grid(images).flatten(0, 1)
    total = planes.clone()
    for factor in factors:
        rows, columns = (_blocks(size, float(factor), images.device) for size in images.shape[-2:])
        total += across(planes, rows, columns)
    return total.div_(len(factors) + 1).view(images.shape).float()


@lru_cache(maxsize=256)
def _blocks(size: int, factor: float, device: torch.device) -> Blocks:
    return blocks(whole(matrix(size, factor)), device)
