"""Elastic transform: the image is skewed, then its pixels are displaced."""

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from modrobust.corruption.common.banded import gaussian, reflect
from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts
from modrobust.corruption.separable import across

UNIT = {224: 244, 32: 32}  # pixels that the figures below are multiples of (published so)
ELASTIC = {  # size of the displacements, how far their blur reaches; how far the corners of the skew move
    224: ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)),
    32: ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
}
TABLES = {size: tuple(tuple(UNIT[size] * x for x in row) for row in rows) for size, rows in ELASTIC.items()}


@in_parts
def elastic_transform(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Skew, then displace pixels, both bilinear. Contract: see `modrobust.corruption.common`.

    The image is mirrored at its edges: for the skew about the outermost pixels, then about the edge.
    """
    (size, sigma, skew), scale = parameters(TABLES, images, severity, table)
    height, width = images.shape[-2:]
    x, y = _skewed(draw, height, width, skew * scale)
    skewed = _sampled(images, x, y, between_centres=True)
    if not size:
        return skewed
    # scale**2, for a blur that is wider leaves less of the noise
    right, down = _displacements(draw, height, width, sigma * scale).mul_(size * scale**2).unbind(1)
    rows, columns = (torch.arange(n, dtype=torch.float64, device=images.device) for n in (height, width))
    return _sampled(skewed, right.add_(columns), down.add_(rows[:, None]), between_centres=False)


def _skewed(draw: Draw, height: int, width: int, reach: float) -> tuple[Tensor, Tensor]:
    """Where each pixel comes from: x and y, float64 (B, H, W).

    Three corners of a square about the centre, a third of the shorter side away in both directions, each move by up to
    `reach` in both directions; the affine map that does this.
    """
    side = min(height, width) // 3
    moves = draw.uniform(3, 2).double().mul_(2).sub_(1).mul_(reach)
    one, two, three = (_corners(moves.device) * side + moves).unbind(1)
    # Backwards, the map takes one - two to (0, 2 side) and two - three to (2 side, 0).
    (a, b), (c, d) = (one - two).unbind(1), (two - three).unbind(1)
    share = 2 * side / (a * d - b * c)
    columns = torch.arange(width, dtype=torch.float64, device=moves.device) - width // 2
    rows = torch.arange(height, dtype=torch.float64, device=moves.device) - height // 2
    from_x, from_y = columns - one[:, 0, None], rows - one[:, 1, None]  # relative to the first corner
    a, b, c, d = (each.mul(share)[:, None] for each in (a, b, c, d))
    x = (a * from_y)[:, :, None] - (b * from_x)[:, None, :] + (side + width // 2)
    y = (d * from_x)[:, None, :] - (c * from_y)[:, :, None] + (side + height // 2)
    return x, y


@cache
def _corners(device: torch.device) -> Tensor:
    """float64 (3, 2): x and y of three corners of a square about the middle."""
    return torch.tensor([[1, 1], [1, -1], [-1, -1]], dtype=torch.float64, device=device)


def _displacements(draw: Draw, height: int, width: int, sigma: float) -> Tensor:
    """Uniform noise in -1..1, multiples of 2^-15, blurred: float64 (B, 2, H, W)."""
    noise = draw.bits(height, width).view(torch.int16).view(-1, height, width).double().mul_(2**-15)
    by_rows, by_columns = (gaussian(n, sigma, noise.device, 3, reflect) for n in (height, width))
    return across(noise, by_rows, by_columns).view(-1, 2, height, width)


def _sampled(images: Tensor, x: Tensor, y: Tensor, between_centres: bool) -> Tensor:
    """Bilinear, at places in pixels; mirrored about the centres of the outermost pixels, or else about their edges."""
    height, width = images.shape[-2:]
    if between_centres:
        place = (x.mul_(2 / (width - 1)).sub_(1), y.mul_(2 / (height - 1)).sub_(1))
    else:
        place = (x.mul_(2).add_(1).div_(width).sub_(1), y.mul_(2).add_(1).div_(height).sub_(1))
    where = torch.stack(place, -1).float()
    return grid_sample(images, where, padding_mode="reflection", align_corners=between_centres)
