"""Speckle noise: normal noise in proportion to the value."""

from torch import Tensor

from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts

SCALE = {224: (0.15, 0.2, 0.35, 0.45, 0.6), 32: (0.06, 0.1, 0.12, 0.16, 0.2)}  # standard deviation, of the value


@in_parts
def speckle_noise(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Add to each value itself times a normal number. Contract: see `modrobust.corruption.common`."""
    scale, _ = parameters(SCALE, images, severity, table)
    return draw.normal(*images.shape[1:]).mul_(scale).mul_(images).add_(images).clamp_(0, 255)
