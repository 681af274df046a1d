"""Invert: the negative."""

from torch import Tensor

from modrobust.corruption.draw import Draw


def invert(images: Tensor, draw: Draw) -> Tensor:
    """255 - images: float32 (B, C, H, W), 0..255; draw is not used (arXiv 2306.09005)."""
    return 255 - images
