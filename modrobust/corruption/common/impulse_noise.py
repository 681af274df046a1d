"""Impulse noise: salt and pepper, as ImpulseNoise of the six, with both published tables."""

from torch import Tensor

from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw
from modrobust.corruption.impulse_noise import AMOUNT as AT_224
from modrobust.corruption.impulse_noise import salt_and_pepper
from modrobust.corruption.parts import in_parts

AMOUNT = {224: AT_224, 32: (0.01, 0.02, 0.03, 0.05, 0.07)}  # share of the values that are hit


@in_parts
def impulse_noise(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Set values to 0 or to 255. Contract: see `modrobust.corruption.common`."""
    amount, _ = parameters(AMOUNT, images, severity, table)
    return salt_and_pepper(images, draw, amount)
