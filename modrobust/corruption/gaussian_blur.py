"""Gaussian blur: two exact products with a matrix."""

from functools import lru_cache

import torch
from torch import Tensor

from modrobust.corruption.draw import Draw
from modrobust.corruption.separable import WEIGHT_BITS, Blocks, blocks, separable
from modrobust.corruption.severity import at_severity

SIGMA = (1, 2, 3, 4, 6)  # standard deviation in pixels

TRUNCATE = 4  # the kernel ends at this many standard deviations


def gaussian_blur(images: Tensor, draw: Draw, severity: int = 2) -> Tensor:
    """Blur every channel with a Gaussian; outside the image its edge goes on (arXiv 2306.09005).

    Args:
        images: float32 (B, C, H, W), 0..255.
        draw: not used.
        severity: 1 to 5.

    Returns:
        float32 (B, C, H, W), 0..255.

    Raises:
        UserError: there is no such severity.
    """
    sigma = at_severity(SIGMA, severity)
    rows, columns = (_weights(side, sigma, images.device) for side in images.shape[2:])
    return separable(images, rows, columns)


@lru_cache(maxsize=16)
def _weights(size: int, sigma: float, device: torch.device) -> Blocks:
    """The matrix (size, size): row i holds the share of every pixel of a line in blurred pixel i."""
    radius = int(TRUNCATE * sigma + 0.5)
    offset = torch.arange(-radius, radius + 1)
    kernel = torch.exp(-0.5 * (offset.double() / sigma) ** 2)
    source = (torch.arange(size)[:, None] + offset).clamp_(0, size - 1)
    weights = torch.zeros(size, size, dtype=torch.float64)
    weights.scatter_add_(1, source, (kernel / kernel.sum()).expand(size, -1))
    weights.mul_(2**WEIGHT_BITS).round_()
    weights.diagonal().add_(2**WEIGHT_BITS - weights.sum(1))  # rows add to one: flat areas stay as they are
    return blocks(weights, device)
