"""Pixelate: shrunk, and enlarged again."""

from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from modrobust.corruption.common.jpeg_compression import whole_numbers
from modrobust.corruption.common.parts import Planes, groups
from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw

SIZE = {224: (0.6, 0.5, 0.4, 0.3, 0.25), 32: (0.95, 0.9, 0.85, 0.75, 0.65)}  # of both sides


def pixelate(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Truncate to whole numbers, shrink, enlarge (Pillow's BOX). Contract: see `modrobust.corruption.common`."""
    size, _ = parameters(SIZE, images, severity, table)
    height, width = images.shape[-2:]
    low, narrow = int(height * size), int(width * size)
    rows, columns = _enlarged(low, height), _enlarged(narrow, width)

    def shrink(some: Planes) -> Planes:
        """Pillow shrinks rows, then columns, of all planes at once: as a tall image, then as a wide one."""
        planes = whole_numbers(some).reshape(-1, height, width)
        tall = Image.fromarray(planes.reshape(-1, width)).resize((narrow, len(planes) * height), Image.Resampling.BOX)
        beside = np.asarray(tall).reshape(-1, height, narrow).swapaxes(0, 1).reshape(height, -1)
        wide = Image.fromarray(beside).resize((beside.shape[1], low), Image.Resampling.BOX)
        small = np.asarray(wide).reshape(low, -1, narrow).swapaxes(0, 1)
        return small[:, :, columns].take(rows, 1).reshape(some.shape)

    return groups(shrink, images)


@lru_cache(maxsize=32)
def _enlarged(small: int, large: int) -> np.ndarray[Any, Any]:
    """Which pixel of the small line Pillow's BOX repeats at each place of the large one: int (large,)."""
    line = Image.fromarray(np.arange(small, dtype=np.float32)[None])
    return np.asarray(line.resize((large, 1), Image.Resampling.BOX))[0].astype(np.intp)
