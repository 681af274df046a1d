"""Gaussian blur: as GaussianBlur of the six, with both published tables."""

from torch import Tensor

from modrobust.corruption.common.banded import blurred
from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw
from modrobust.corruption.gaussian_blur import SIGMA as AT_224

SIGMA = {224: AT_224, 32: (0.4, 0.6, 0.7, 0.8, 1)}  # standard deviation in pixels


def gaussian_blur(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Blur with a Gaussian; outside the image its edge goes on. Contract: see `modrobust.corruption.common`."""
    sigma, scale = parameters(SIGMA, images, severity, table)
    return blurred(images, sigma * scale)
