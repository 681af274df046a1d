"""Brightness: the value in HSV rises."""

import torch
from torch import Tensor

from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts

RISE = {224: (0.1, 0.2, 0.3, 0.4, 0.5), 32: (0.05, 0.1, 0.15, 0.2, 0.3)}  # of 255


@in_parts
def brightness(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Raise the largest channel, the others in proportion. Contract: see `modrobust.corruption.common`.

    To grey images it adds.
    """
    rise, _ = parameters(RISE, images, severity, table)
    value = images.amax(1, keepdim=True)
    risen = (value + 255 * rise).clamp_(max=255)
    if images.shape[1] == 1:
        return risen
    return torch.where(value > 0, images * (risen / value.clamp(min=1e-6)), risen).clamp_(max=255)
