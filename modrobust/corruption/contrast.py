"""Contrast: every value moves towards the mean of its channel."""

import torch
from torch import Tensor

from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts
from modrobust.corruption.severity import at_severity

FACTOR = (0.4, 0.3, 0.2, 0.1, 0.05)  # of the distance to the mean, what is left


@in_parts
def contrast(images: Tensor, draw: Draw, severity: int = 2) -> Tensor:
    """Lower the contrast (arXiv 2306.09005).

    Args:
        images: float32 (B, C, H, W), 0..255.
        draw: not used.
        severity: 1 to 5.

    Returns:
        float32 (B, C, H, W), 0..255.

    Raises:
        UserError: there is no such severity.
    """
    return towards_mean(images, at_severity(FACTOR, severity))


def towards_mean(images: Tensor, factor: float) -> Tensor:
    """Leave a share of the distance to the channel's mean: float32 (B, C, H, W), 0..255, to the same."""
    mean = spatial_mean(images)
    return (images * factor).add_(mean.mul_(1 - factor))  # between value and mean: nothing to clip


def spatial_mean(images: Tensor) -> Tensor:
    """The mean over height and width: float32 (B, C, H, W), 0..255 -> (B, C, 1, 1).

    The order of a sum depends on the size of the batch, the threads and the device, and its last bit on the
    order, unless the terms are whole numbers: here as many bits after the point as keep it under 2^31 (13 of
    them at 32 x 32 pixels, 9 at 100 x 100).
    """
    pixels = images.shape[2] * images.shape[3]
    scale = 2 ** (23 - (pixels - 1).bit_length())
    whole = (images * scale).round_().to(torch.int32)
    return whole.sum((2, 3), dtype=torch.int32, keepdim=True).float().mul_(1 / (scale * pixels))
