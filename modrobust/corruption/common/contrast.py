"""Contrast: as Contrast of the six, with both published tables."""

from torch import Tensor

from modrobust.corruption.common.table import parameters
from modrobust.corruption.contrast import FACTOR as AT_224
from modrobust.corruption.contrast import towards_mean
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts

FACTOR = {224: AT_224, 32: (0.75, 0.5, 0.4, 0.3, 0.15)}  # of the distance to the mean, what is left


@in_parts
def contrast(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Move values towards the mean of their channel. Contract: see `modrobust.corruption.common`."""
    factor, _ = parameters(FACTOR, images, severity, table)
    return towards_mean(images, factor)
