"""Rotate90: a quarter turn."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts
from modrobust.corruption.separable import WEIGHT_BITS, Blocks, blocks, separable


@in_parts
def rotate90(images: Tensor, draw: Draw) -> Tensor:
    """A quarter turn, counterclockwise (arXiv 2306.09005).

    An image that is not square is resized to its old height and width after the turn (bilinear, antialiased), so that
    all of it is still to be seen and the images of a batch keep their size.

    Args:
        images: float32 (B, C, H, W), 0..255.
        draw: not used.

    Returns:
        float32 (B, C, H, W), 0..255.
    """
    turned = torch.rot90(images, 1, (2, 3)).contiguous()
    height, width = images.shape[2:]
    if height == width:
        return turned
    return separable(turned, _resize(width, height, images.device), _resize(height, width, images.device))


@lru_cache(maxsize=16)
def _resize(before: int, after: int, device: torch.device) -> Blocks:
    """The matrix (after, before): the share of every pixel of a line in every pixel of the resized line."""
    lines = torch.eye(before, dtype=torch.float64)[None, :, None]  # each pixel alone, as an image of one row
    resized = interpolate(lines, size=(1, after), mode="bilinear", antialias=True)
    weights = resized[0, :, 0].T.mul(2**WEIGHT_BITS).round_()
    rest = 2**WEIGHT_BITS - weights.sum(1, keepdim=True)  # rows add to one: flat areas stay as they are
    return blocks(weights.scatter_add_(1, weights.argmax(1, keepdim=True), rest), device)
