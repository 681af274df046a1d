"""Snow: flakes that fall, and a paler image."""

import torch
from torch import Tensor

from modrobust.corruption.common.lines import moved
from modrobust.corruption.common.parts import Planes, each
from modrobust.corruption.common.table import parameters
from modrobust.corruption.common.zooming import zoomed
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts

SNOW = {  # mean and deviation of the flakes' layer, its zoom, its threshold; radius and sigma of motion; share kept
    224: (
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
    32: (
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ),
}
ANGLES = (-135.0, -45.0)  # of the fall, in degrees
GREY = (0.299, 0.587, 0.114)  # shares of red, green and blue


@in_parts
def snow(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Add a layer of flakes, and the same turned by 180 degrees. Contract: see `modrobust.corruption.common`."""
    (loc, deviation, factor, threshold, radius, sigma, kept), scale = parameters(SNOW, images, severity, table)
    flakes = draw.normal(1, *images.shape[-2:]).mul_(deviation).add_(loc)
    flakes = zoomed(flakes, max(1.0, factor * scale)).clamp_(0, 1)
    flakes = flakes.mul_(flakes >= threshold).mul_(255).floor_()
    low, high = ANGLES
    angles = draw.uniform(1).mul_(high - low).add_(low).flatten().tolist()

    def fall(layer: Planes, angle: float) -> Planes:
        return moved(layer, radius * scale, sigma * scale, angle)

    layer = each(fall, flakes, angles).round_()
    pale = torch.maximum(images, grey(images).mul_(1.5).add_(127.5)).mul_(1 - kept)
    return pale.add_(images * kept).add_(layer).add_(layer.rot90(2, (2, 3))).clamp_(0, 255)


def grey(images: Tensor) -> Tensor:
    """float32 (B, C, H, W) to (B, 1, H, W); of images that do not have three channels the first one."""
    if images.shape[1] != 3:
        return images[:, :1].clone()
    red, green, blue = (images[:, i : i + 1] * share for i, share in enumerate(GREY))
    return red.add_(green).add_(blue)
