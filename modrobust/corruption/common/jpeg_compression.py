"""JPEG compression, there and back."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from torch import Tensor

from modrobust.corruption.common.parts import Planes, each
from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw

QUALITY = {224: (25, 18, 15, 10, 7), 32: (80, 65, 58, 50, 40)}


def jpeg_compression(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Truncate to whole numbers, encode as JPEG, decode. Contract: see `modrobust.corruption.common`.

    By opencv, whose values are those of Pillow (a test compares), the published choice, in less time. Images that do
    not have three channels are encoded channel by channel.
    """
    quality, _ = parameters(QUALITY, images, severity, table)

    def compress(planes: Planes) -> Sequence[Planes]:
        whole = whole_numbers(planes)
        if len(planes) == 3:
            blue_green_red = cv2.merge(tuple(whole[::-1]))
            return cv2.split(_there_and_back(blue_green_red, quality, cv2.IMREAD_COLOR))[::-1]
        return [_there_and_back(plane, quality, cv2.IMREAD_GRAYSCALE) for plane in whole]

    return each(compress, images)


def _there_and_back(image: np.ndarray[Any, Any], quality: int, mode: int) -> np.ndarray[Any, Any]:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(encoded, mode)
    assert decoded is not None
    return decoded


def whole_numbers(planes: Planes) -> np.ndarray[Any, Any]:
    """float32 0..255 to uint8, truncated as by `quantize`."""
    return (planes + np.float32(1e-4)).astype(np.uint8)
