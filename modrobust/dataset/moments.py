"""Mean and standard deviation of pixels, from exact sums of whole numbers."""

import numpy as np
from numpy.typing import NDArray


def moments(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Of each channel the sum of the pixels and of their squares: uint8 (N, C, H, W) -> int64 (N, 2, C)."""
    flat = images.reshape(*images.shape[:2], -1)
    squares = np.square(flat, dtype=np.uint32).sum(2, dtype=np.int64)
    return np.stack([flat.sum(2, dtype=np.int64), squares], 1)


def mean_and_std(sums: NDArray[np.int64], pixels: int) -> tuple[list[float], list[float]]:
    """Of all pixels over 255, per channel; the deviation is that of the population.

    Args:
        sums: as `moments` gives them, int64 (N, 2, C).
        pixels: of an image, in each channel.
    """
    n = len(sums) * pixels
    first, second = ([int(value) for value in row] for row in sums.sum(0))
    mean = [a / n / 255 for a in first]
    std = [((b * n - a * a) ** 0.5) / n / 255 for a, b in zip(first, second, strict=True)]
    return mean, std
