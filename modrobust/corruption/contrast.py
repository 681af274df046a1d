"""Contrast: every value moves towards the mean of its channel."""

from torch import Tensor

from modrobust.corruption.draw import Draw
from modrobust.corruption.exact import on_grid
from modrobust.corruption.severity import at_severity

FACTOR = (0.4, 0.3, 0.2, 0.1, 0.05)  # of the distance to the mean, what is left


def contrast(images: Tensor, draw: Draw, severity: int = 2) -> Tensor:
    """Lower the contrast (arXiv 2306.09005, section 2).

    Args:
        images: float32 (B, C, H, W), 0..255.
        draw: not used.
        severity: 1 to 5.

    Returns:
        float32 (B, C, H, W), 0..255.

    Raises:
        UserError: there is no such severity.
    """
    factor = at_severity(FACTOR, severity)
    total = on_grid(images, bits=15).sum((2, 3), keepdim=True)
    shift = total.mul_((1 - factor) / images[0, 0].numel()).float()
    return (images * factor).add_(shift)
