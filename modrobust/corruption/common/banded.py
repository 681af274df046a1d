"""Exact products with matrices along the lines of images: blurring and zooming.

A product adds in an order that depends on the batch, the threads and the device. So values are rounded to multiples of
2^-VALUE_BITS and weights to multiples of 2^-WEIGHT_BITS: then all sums of two products in a row are whole multiples of
2^-45 under 2^8, which float64 holds exactly, whatever the order. It costs an error of about 0.0002 in 0..255.
"""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

VALUE_BITS = 9
WEIGHT_BITS = 18
BLOCK = 32  # rows of a matrix that are multiplied together, without the columns where all of them are 0

Blocks = tuple[tuple[slice, slice, Tensor], ...]
"""A matrix without its zeros far from the diagonal: rows, columns, and the values there, float64."""


def blocks(matrix: Tensor, device: torch.device) -> Blocks:
    """Round a matrix of weights, float64 (n, n), and cut it into blocks of rows."""
    sums = matrix.cumsum(1).mul_(2**WEIGHT_BITS).round_()  # rounded, rows still add to one: flat areas stay as they are
    whole = sums.diff(dim=1, prepend=torch.zeros(len(sums), 1, dtype=torch.float64))
    found = []
    for start in range(0, len(whole), BLOCK):
        rows = whole[start : start + BLOCK]
        used = rows.any(0).nonzero()
        columns = slice(int(used[0]), int(used[-1]) + 1)
        found.append((slice(start, start + len(rows)), columns, rows[:, columns].div(2**WEIGHT_BITS).to(device)))
    return tuple(found)


def grid(images: Tensor, bits: int = VALUE_BITS) -> Tensor:
    """float32, below 2^(23 - bits), to float64, rounded to multiples of 2^-bits."""
    shift = 1.5 * 2.0 ** (23 - bits)  # float32 has 23 bits after its first: adding this rounds
    return images.add(shift).sub_(shift).to(torch.float64)


def across(values: Tensor, by_rows: Blocks, by_columns: Blocks) -> Tensor:
    """A matrix from the left, one from the right: float64 (N, H, W) to the same; values as of `grid`."""
    half, whole = torch.empty_like(values), torch.empty_like(values)
    for rows, columns, block in by_rows:
        torch.matmul(block, values[:, columns], out=half[:, rows])
    for rows, columns, block in by_columns:
        torch.matmul(half[:, :, columns], block.T, out=whole[:, :, rows])
    return whole


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
    return blocks(matrix.scatter_add_(1, source, (kernel / kernel.sum()).expand(size, -1)), device)


def blurred(images: Tensor, sigma: float) -> Tensor:
    """scikit-image's Gaussian of every channel: float32 (B, C, H, W), 0..255, to the same."""
    height, width = images.shape[-2:]
    by_rows, by_columns = (gaussian(size, sigma, images.device) for size in (height, width))
    return across(grid(images).flatten(0, 1), by_rows, by_columns).view(images.shape).float()
