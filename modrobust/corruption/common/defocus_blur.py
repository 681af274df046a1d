"""Defocus blur: every point becomes a disk."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from torch import Tensor

from modrobust.corruption.common.parts import Planes, each
from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw

DISK = {  # radius in pixels; standard deviation of the Gaussian that smooths its edge
    224: ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    32: ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
}


def defocus_blur(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Correlate with a disk (opencv, mirrored at the edges). Contract: see `modrobust.corruption.common`."""
    (radius, smooth), scale = parameters(DISK, images, severity, table)
    disk = _disk(radius * scale, smooth)

    def blur(planes: Planes) -> Iterator[Planes]:
        return (cv2.filter2D(plane, -1, disk) for plane in planes)

    return each(blur, images).clamp_(0, 255)


@lru_cache(maxsize=16)
def _disk(radius: float, smooth: float) -> np.ndarray[Any, Any]:
    """float32, square of odd size, sum about 1; without the zeros around it."""
    half = max(8, int(np.ceil(radius)))
    x, y = np.meshgrid(*[np.arange(-half, half + 1)] * 2)
    disk = (x**2 + y**2 <= radius**2).astype(np.float32)
    window = (3, 3) if radius <= 8 else (5, 5)
    disk = np.asarray(cv2.GaussianBlur(disk / disk.sum(), window, sigmaX=smooth))
    used = max(abs(x[disk > 0]))
    inner = slice(half - used, half + used + 1)
    return np.ascontiguousarray(disk[inner, inner])
