"""Saturate: the saturation in HSV changes."""

from torch import Tensor

from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts

SATURATION = {  # factor, and what is added
    224: ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
    32: ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
}


@in_parts
def saturate(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Move the smaller channels away from the largest, or towards it. Contract: see `modrobust.corruption.common`.

    What is grey in a colour image becomes red where something is added, for hue 0 is red. Images that do not have
    three channels stay as they are.
    """
    (factor, more), _ = parameters(SATURATION, images, severity, table)
    if images.shape[1] != 3:
        return images.clone()
    value = images.amax(1, keepdim=True)
    below = value - images
    range_ = below.amax(1, keepdim=True)
    # Saturation is range / value; the result's must not exceed 1. Where range is 0, so is `below`.
    full = value / range_.clamp(min=1e-6)
    below *= (full * more).add_(factor).minimum(full)
    if more:
        below[:, 1:] += value * more * (range_ == 0)
    return value - below
