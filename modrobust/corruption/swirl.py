"""Swirl: pixels turn about the centre, the more the nearer they are to it."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts
from modrobust.corruption.severity import at_severity

STRENGTH = (0.5, 1, 3, 5, 10)  # angle at the centre, in radians


@in_parts
def swirl(images: Tensor, draw: Draw, severity: int = 3) -> Tensor:
    """Swirl about (W/2, H/2), bilinear, mirrored at the edges (arXiv 2306.09005).

    Pixels turn on circles, whatever the image's form; how fast the angle falls with the distance from the centre
    follows from the image's diagonal.

    Args:
        images: float32 (B, C, H, W), 0..255, H and W at least 2.
        draw: not used.
        severity: 1 to 5.

    Returns:
        float32 (B, C, H, W), 0..255.

    Raises:
        UserError: there is no such severity.
    """
    source, weight = _taps(*images.shape[2:], at_severity(STRENGTH, severity), images.device)
    pixels = images.reshape(-1, source.shape[1])
    # Products and sums one by one, not fused: the same bits in every batch and on every device.
    swirled = pixels.index_select(1, source[0]).mul_(weight[0])
    for tap in (1, 2, 3):
        swirled += pixels.index_select(1, source[tap]).mul_(weight[tap])
    return swirled.view(images.shape)


@lru_cache(maxsize=16)
def _taps(height: int, width: int, strength: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """The four source pixels of every pixel, int32 (4, height * width), and their weights, float32 alike."""
    side = math.sqrt((height**2 + width**2) / 2)  # of the square with the same diagonal
    radius = math.sqrt(2) * side / 2 / 5 * math.log(2)  # at five times this, about a thousandth is left
    y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) - n / 2 for n in (height, width)), indexing="ij")
    distance = torch.hypot(x, y)
    angle = torch.atan2(y, x) + strength * torch.exp(-distance / radius)
    row, bottom = _neighbour(height / 2 + distance * torch.sin(angle), height)
    column, right = _neighbour(width / 2 + distance * torch.cos(angle), width)
    source = torch.stack([(row + i) * width + column + j for i in (0, 1) for j in (0, 1)])
    weight = torch.stack([a * b for a in (1 - bottom, bottom) for b in (1 - right, right)])
    return source.flatten(1).int().to(device), weight.flatten(1).float().to(device)


def _neighbour(position: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The pixel before a position, mirrored at the outermost pixels (again and again), and the weight of the next."""
    last = size - 1
    position = last - (last - position.abs().remainder(2 * last)).abs()
    before = position.floor().clamp_(max=last - 1)
    return before.long(), position - before
