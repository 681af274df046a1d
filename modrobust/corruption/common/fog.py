"""Fog: a plasma fractal of mist, and less contrast."""

import torch
from torch import Tensor

from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts

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
    plane, root = torch.zeros(len(draw.index), 1, 1, device=draw.index.device), ROOT
    while (points := plane.shape[1]) < size:
        # Of every square of four neighbours: its centre, and the middles of its top and left edges.
        noise = draw.uniform(3, points, points).mul_(2 * root**2).sub_(root**2)
        along, down = plane + plane.roll(-1, 2), plane + plane.roll(-1, 1)
        centre = (along + along.roll(-1, 1)).mul_(0.25).add_(noise[:, 0])
        top = (centre + centre.roll(1, 1)).add_(along).mul_(0.25).add_(noise[:, 1])
        left = (centre + centre.roll(1, 2)).add_(down).mul_(0.25).add_(noise[:, 2])
        finer = plane.new_empty(len(plane), 2 * points, 2 * points)
        finer[:, ::2, ::2], finer[:, ::2, 1::2] = plane, top
        finer[:, 1::2, ::2], finer[:, 1::2, 1::2] = left, centre
        plane, root = finer, root / decay
    plane -= plane.amin((1, 2), keepdim=True)
    return plane.div_(plane.amax((1, 2), keepdim=True))
