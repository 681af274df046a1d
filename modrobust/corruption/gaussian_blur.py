"""Gaussian blur: two exact products with a matrix."""

from functools import lru_cache

import torch
from torch import Tensor

from modrobust.corruption.draw import Draw
from modrobust.corruption.severity import at_severity

SIGMA = (1, 2, 3, 4, 6)  # standard deviation in pixels

TRUNCATE = 4  # the kernel ends at this many standard deviations

# A matrix product adds in an order that depends on the size of the batch, the threads and the device. So pixels
# and weights are rounded to multiples of 2^-bits: then all sums below are whole multiples of 2^-45 under 2^8,
# which float64 holds exactly, whatever the order. The rounding costs an error of about 0.0002 in 0..255.
IMAGE_BITS = 9
WEIGHT_BITS = 18

CACHED = 2**16  # values that a CPU blurs at a time: in float64 they stay in its cache


def gaussian_blur(images: Tensor, draw: Draw, severity: int = 2) -> Tensor:
    """Blur every channel with a Gaussian; outside the image its edge goes on (arXiv 2306.09005).

    Args:
        images: float32 (B, C, H, H), 0..255.
        draw: not used.
        severity: 1 to 5.

    Returns:
        float32 (B, C, H, H), 0..255.

    Raises:
        UserError: there is no such severity.
    """
    weights = _weights(images.shape[-1], at_severity(SIGMA, severity), images.device)
    shift = 2.0 ** (23 - IMAGE_BITS)  # float32 has 23 bits after its first: adding this rounds to the grid
    blurred = torch.empty_like(images, memory_format=torch.contiguous_format)
    at_a_time = len(images) if images.is_cuda else max(1, CACHED // images.shape[1:].numel())
    for part, target in zip(images.split(at_a_time), blurred.split(at_a_time), strict=True):
        grid = part.add(shift).sub_(shift).to(torch.float64)
        target.copy_(weights @ (grid @ weights.T))
    return blurred


@lru_cache(maxsize=16)
def _weights(size: int, sigma: float, device: torch.device) -> Tensor:
    """float64 (size, size): row i holds the share of every pixel of a line in blurred pixel i."""
    radius = int(TRUNCATE * sigma + 0.5)
    offset = torch.arange(-radius, radius + 1)
    kernel = torch.exp(-0.5 * (offset.double() / sigma) ** 2)
    source = (torch.arange(size)[:, None] + offset).clamp_(0, size - 1)
    weights = torch.zeros(size, size, dtype=torch.float64)
    weights.scatter_add_(1, source, (kernel / kernel.sum()).expand(size, -1))
    weights.mul_(2**WEIGHT_BITS).round_()
    weights.diagonal().add_(2**WEIGHT_BITS - weights.sum(1))  # rows add to one: flat areas stay as they are
    return weights.div_(2**WEIGHT_BITS).to(device)
