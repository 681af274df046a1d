"""Pixelate: shrunk, and enlarged again."""

from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from modrobust.corruption.common.jpeg_compression import whole_numbers
from modrobust.corruption.common.parts import Planes, each
from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw

SIZE = {224: (0.6, 0.5, 0.4, 0.3, 0.25), 32: (0.95, 0.9, 0.85, 0.75, 0.65)}  # of both sides


def pixelate(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Truncate to whole numbers, shrink, enlarge (Pillow's BOX). Contract: see `modrobust.corruption.common`."""
    size, _ = parameters(SIZE, images, severity, table)
    height, width = images.shape[-2:]
    low, narrow = int(height * size), int(width * size)
    rows, columns = _enlarged(low, height), _enlarged(narrow, width)

    def shrink(planes: Planes) -> Planes:
        small = [Image.fromarray(plane).resize((narrow, low), Image.Resampling.BOX) for plane in whole_numbers(planes)]
        return np.stack([np.asarray(plane) for plane in small]).take(columns, 2).take(rows, 1)

    return each(shrink, images)


@lru_cache(maxsize=32)
def _enlarged(small: int, large: int) -> np.ndarray[Any, Any]:
    """Which pixel of the small line Pillow's BOX repeats at each place of the large one: int (large,)."""
    line = Image.fromarray(np.arange(small, dtype=np.float32)[None])
    return np.asarray(line.resize((large, 1), Image.Resampling.BOX))[0].astype(np.intp)
