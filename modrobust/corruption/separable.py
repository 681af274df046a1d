"""Products of images with a matrix on either side, equal to the last bit whatever the batch, threads or device.

A matrix product adds in an order that depends on the size of the batch, the threads and the device. So pixels are
rounded to multiples of 2^-IMAGE_BITS and weights to multiples of 2^-WEIGHT_BITS: then all sums of two products in a row
are whole multiples of 2^-45 under 2^8, which float64 holds exactly, whatever the order. The rounding costs an error of
about 0.0002 in 0..255.
"""

import torch
from torch import Tensor

from modrobust.corruption.parts import IN_FLOAT64

IMAGE_BITS = 9
WEIGHT_BITS = 18
BLOCK = 20  # rows of a matrix that are multiplied together, about, without the columns where all of them are 0

Blocks = tuple[tuple[slice, slice, Tensor], ...]
"""A matrix without its zeros far from the diagonal: rows, columns, and the values there, float64."""


def blocks(whole: Tensor, device: torch.device) -> Blocks:
    """Cut a matrix of weights, float64 (N, M), given as multiples of 2^-WEIGHT_BITS, into blocks of rows."""
    count = max(1, round(len(whole) / BLOCK))
    bounds = [len(whole) * i // count for i in range(count + 1)]
    found = []
    for rows in map(slice, bounds, bounds[1:]):
        used = whole[rows].any(0).nonzero()
        columns = slice(int(used[0]), int(used[-1]) + 1)
        found.append((rows, columns, whole[rows, columns].div(2**WEIGHT_BITS).to(device)))
    return tuple(found)


def grid(images: Tensor, bits: int = IMAGE_BITS) -> Tensor:
    """float32, below 2^(23 - bits), to float64, rounded to multiples of 2^-bits."""
    shift = 1.5 * 2.0 ** (23 - bits)  # float32 has 23 bits after its first: adding this rounds
    return images.add(shift).sub_(shift).to(torch.float64)


def across(values: Tensor, rows: Blocks, columns: Blocks, dtype: torch.dtype = torch.float64) -> Tensor:
    """rows @ image @ columns.T.

    Args:
        values: float64 (N, H, W), as of `grid`.
        rows: of a matrix (H', H).
        columns: of a matrix (W', W).
        dtype: of the result.

    Returns:
        (N, H', W').
    """
    return _across(values, rows, columns).to(dtype, memory_format=torch.contiguous_format)


def separable(images: Tensor, rows: Blocks, columns: Blocks) -> Tensor:
    """rows @ image @ columns.T of every channel: float32 (B, C, H, W), 0..255, to float32 (B, C, H', W')."""
    result = images.new_empty(*images.shape[:2], rows[-1][0].stop, columns[-1][0].stop)
    at_a_time = len(images) if images.is_cuda else IN_FLOAT64 // images.shape[1:].numel()
    for part, target in zip(images.split(max(1, at_a_time)), result.split(max(1, at_a_time)), strict=True):
        target.flatten(0, 1).copy_(_across(grid(part).flatten(0, 1), rows, columns))
    return result


def _across(values: Tensor, rows: Blocks, columns: Blocks) -> Tensor:
    """See `across`; images lie next to each other in memory."""
    count, height, width = values.shape
    turned = _times(columns, values.reshape(-1, width).T)  # (W', N * H): products are fast where rows are long
    both = _times(rows, turned.view(-1, height).T)  # (H', W' * N)
    return both.view(len(both), len(turned), count).permute(2, 0, 1)


def _times(matrix: Blocks, right: Tensor) -> Tensor:
    product = right.new_empty(matrix[-1][0].stop, right.shape[1])
    for rows, columns, block in matrix:
        torch.mm(block, right[columns], out=product[rows])
    return product
