"""Gaussian noise: a normal number is added to every value."""

from torch import Tensor

from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts

SCALE = {224: (0.08, 0.12, 0.18, 0.26, 0.38), 32: (0.04, 0.06, 0.08, 0.09, 0.10)}  # standard deviation, of 255


@in_parts
def gaussian_noise(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Add normal noise, every channel's its own. Contract: see `modrobust.corruption.common`."""
    scale, _ = parameters(SCALE, images, severity, table)
    return draw.normal(*images.shape[1:]).mul_(255 * scale).add_(images).clamp_(0, 255)
