"""Impulse noise: salt and pepper."""

import torch
from torch import Tensor

from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts
from modrobust.corruption.severity import at_severity

AMOUNT = (0.03, 0.06, 0.09, 0.17, 0.27)  # share of the values that are hit


@in_parts
def impulse_noise(images: Tensor, draw: Draw, severity: int = 5) -> Tensor:
    """Set values, every channel's on its own, to 0 or to 255 with equal chances (arXiv 2306.09005).

    Args:
        images: float32 (B, C, H, W), 0..255.
        draw: one random number a value.
        severity: 1 to 5.

    Returns:
        float32 (B, C, H, W), 0..255.

    Raises:
        UserError: there is no such severity.
    """
    return salt_and_pepper(images, draw, at_severity(AMOUNT, severity))


def salt_and_pepper(images: Tensor, draw: Draw, amount: float) -> Tensor:
    """Set a share of the values to 0 or to 255: float32 (B, C, H, W), 0..255, to the same; one draw a value."""
    values = images.shape[1:].numel()
    # Two random numbers of 16 bits from every one of 32.
    noise = draw.bits((values + 1) // 2).view(torch.int16)[:, :values].float().view(images.shape)
    # The outermost of them, of either sign, are the hits, the others become 0: added to the image and
    # clamped, they are salt and pepper without a mask.
    noise = torch.hardshrink(noise, 2**15 * (1 - amount))
    return noise.add_(images).clamp_(0, 255)
