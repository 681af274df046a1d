"""Products of images with a matrix on either side, equal to the last bit whatever the batch, threads or device."""

import torch
from torch import Tensor

# A matrix product adds in an order that depends on the size of the batch, the threads and the device. So pixels
# and weights are rounded to multiples of 2^-bits: then all sums below are whole multiples of 2^-45 under 2^8,
# which float64 holds exactly, whatever the order. The rounding costs an error of about 0.0002 in 0..255.
IMAGE_BITS = 9
WEIGHT_BITS = 18

CACHED = 2**16  # values that a CPU works on at a time: in float64 they stay in its cache


def rounded(weights: Tensor) -> Tensor:
    """Weights, float64 (N, M) whose rows add to one, on the grid of `separable`; a row's largest takes the rest."""
    grid = (weights * 2**WEIGHT_BITS).round()
    largest = grid.argmax(1, keepdim=True)
    grid.scatter_add_(1, largest, 2**WEIGHT_BITS - grid.sum(1, keepdim=True))  # flat areas stay as they are
    return grid.div_(2**WEIGHT_BITS)


def separable(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """rows @ image @ columns.T of every channel.

    Args:
        images: float32 (B, C, H, W), 0..255.
        rows: float64 (H', H), weights that add to one, as `rounded` makes them.
        columns: float64 (W', W), the same.

    Returns:
        float32 (B, C, H', W'), 0..255.
    """
    shift = 2.0 ** (23 - IMAGE_BITS)  # float32 has 23 bits after its first: adding this rounds to the grid
    result = images.new_empty(*images.shape[:2], len(rows), len(columns))
    at_a_time = len(images) if images.is_cuda else max(1, CACHED // images.shape[1:].numel())
    for part, target in zip(images.split(at_a_time), result.split(at_a_time), strict=True):
        grid = part.add(shift).sub_(shift).to(torch.float64)
        target.copy_(rows @ (grid @ columns.T))
    return result
