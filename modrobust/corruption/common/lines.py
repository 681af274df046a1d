"""Motion along a line: the kernel of ImageMagick's motion blur, and the blur of an image by it."""

from math import ceil, cos, radians, sin

import cv2
import numpy as np

from modrobust.corruption.common.parts import Planes


def moved(planes: Planes, radius: float, sigma: float, angle: float) -> Planes:
    """Blur towards one side, with a half Gaussian of 2 radius + 1 taps; outside the edge goes on.

    Args:
        planes: float32 (C, H, W).
        radius: in pixels, rounded up as ImageMagick does.
        sigma: standard deviation in pixels.
        angle: in degrees, clockwise from the direction of rows.
    """
    taps = 2 * ceil(radius) + 1
    weights = np.exp(-(np.arange(taps) ** 2) / (2 * sigma**2))
    weights = (weights / weights.sum()).astype(np.float32)
    right, down = ([ceil(i * part - 0.5) for i in range(taps)] for part in (cos(radians(angle)), sin(radians(angle))))
    left, top = min(right), min(down)
    height, width = planes.shape[1:]
    rows, columns = max(down) - top, max(right) - left
    wide = np.stack(
        [cv2.copyMakeBorder(p, -top, rows + top, -left, columns + left, cv2.BORDER_REPLICATE) for p in planes]
    )
    blurred = np.zeros_like(planes)
    tap = np.empty_like(planes)
    for weight, x, y in zip(weights, right, down, strict=True):
        np.multiply(wide[:, y - top : y - top + height, x - left : x - left + width], weight, out=tap)
        blurred += tap
    return blurred
