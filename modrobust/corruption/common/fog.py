"""Fog: a plasma fractal of mist, and less contrast."""

import torch
from torch import Tensor

from modrobust.corruption.common.parts import in_parts
from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw

FOG = {  # amount; by what the root of the fractal's amplitude falls at each halving
    224: ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    32: ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
}
ROOT = 100.0  # of the amplitude of the fractal's first step


@in_parts
def fog(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Add mist, the same to all channels, and keep the maximum. Contract: see `modrobust.corruption.common`.

    The mist's grid is the least power of two that covers the image (256 for 224, 32 for 32).
    """
    (amount, decay), _ = parameters(FOG, images, severity, table)
    height, width = images.shape[-2:]
    mist = plasma(draw, 2 ** (max(height, width) - 1).bit_length(), decay)[:, None, :height, :width]
    brightest = images.amax((1, 2, 3), keepdim=True)
    share = brightest / (brightest + 255 * amount)
    return mist.mul(255 * amount).add(images).mul_(share).clamp_(0, 255)


def plasma(draw: Draw, size: int, decay: float) -> Tensor:
    """Plasma fractals by diamonds and squares on a grid that wraps round: float32 (B, size, size), 0 to 1.

    Args:
        draw: three random numbers for every four points.
        size: a power of two.
        decay: by what the root of the amplitude is divided at each halving of the step.
    """
    plane = torch.zeros(len(draw.index), size, size, device=draw.index.device)
    step, root = size, ROOT
    while step >= 2:
        half = step // 2
        # Of every square of step x step: its corner, its centre, and the middles of its top and left edges.
        noise = draw.uniform(3, size // step, size // step).mul_(2).sub_(1).mul_(root**2)
        corner = plane[:, ::step, ::step]
        right, below = corner.roll(-1, 2), corner.roll(-1, 1)
        centre = ((corner + right) + (below + below.roll(-1, 2))).mul_(0.25).add_(noise[:, 0])
        top = ((corner + right) + (centre + centre.roll(1, 1))).mul_(0.25).add_(noise[:, 1])
        left = ((corner + below) + (centre + centre.roll(1, 2))).mul_(0.25).add_(noise[:, 2])
        plane[:, half::step, half::step] = centre
        plane[:, ::step, half::step] = top
        plane[:, half::step, ::step] = left
        step, root = half, root / decay
    plane -= plane.amin((1, 2), keepdim=True)
    return plane.div_(plane.amax((1, 2), keepdim=True))
