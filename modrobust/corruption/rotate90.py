"""Rotate90: a quarter turn."""

import torch
from torch import Tensor

from modrobust.corruption.draw import Draw


def rotate90(images: Tensor, draw: Draw) -> Tensor:
    """A quarter turn: float32 (B, C, H, H), 0..255; draw is not used (arXiv 2306.09005)."""
    return torch.rot90(images, 1, (2, 3)).contiguous()
