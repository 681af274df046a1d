"""Blurring and zooming by exact products with matrices along the lines of images, see `separable`."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from modrobust.corruption.separable import WEIGHT_BITS, Blocks, blocks, separable


def whole(matrix: Tensor) -> Tensor:
    """Weights, float64 (n, n), as multiples of 2^-WEIGHT_BITS."""
    sums = matrix.cumsum(1).mul_(2**WEIGHT_BITS).round_()  # rounded, rows still add to one: flat areas stay as they are
    return sums.diff(dim=1, prepend=torch.zeros(len(sums), 1, dtype=torch.float64))


def nearest(index: Tensor, size: int) -> Tensor:
    """Outside, the edge goes on: a a | a b c | c c."""
    return index.clamp(0, size - 1)


def reflect(index: Tensor, size: int) -> Tensor:
    """Outside, a mirror on the edge: b a | a b c | c b."""
    folded = index % (2 * size)
    return torch.minimum(folded, 2 * size - 1 - folded)


@lru_cache(maxsize=64)
def gaussian(
    size: int,
    sigma: float,
    device: torch.device,
    truncate: float = 4,
    border: Callable[[Tensor, int], Tensor] = nearest,
) -> Blocks:
    """The blur of a line of `size` pixels by a Gaussian that ends at `truncate` standard deviations."""
    radius = int(truncate * sigma + 0.5)
    offset = torch.arange(-radius, radius + 1)
    kernel = torch.exp(-0.5 * (offset.double() / max(sigma, 1e-9)) ** 2)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    source = border(torch.arange(size)[:, None] + offset, size)
    return blocks(whole(matrix.scatter_add_(1, source, (kernel / kernel.sum()).expand(size, -1))), device)


def blurred(images: Tensor, sigma: float) -> Tensor:
    """scikit-image's Gaussian of every channel: float32 (B, C, H, W), 0..255, to the same."""
    return separable(images, *(gaussian(size, sigma, images.device) for size in images.shape[-2:]))
