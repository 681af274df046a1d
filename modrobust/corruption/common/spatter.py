"""Spatter: drops of water, or mud."""

import cv2
import numpy as np
import torch
from torch import Tensor

from modrobust.corruption.common.banded import gaussian
from modrobust.corruption.common.parts import Planes, each
from modrobust.corruption.common.snow import GREY
from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts
from modrobust.corruption.separable import across, grid

WATER, MUD = 0, 1
SPATTER = {  # mean and deviation of the liquid's layer, its blur, its threshold; water's share or mud's blur; kind
    224: (
        (0.65, 0.3, 4, 0.69, 0.6, WATER),
        (0.65, 0.3, 3, 0.68, 0.6, WATER),
        (0.65, 0.3, 2, 0.68, 0.5, WATER),
        (0.65, 0.3, 1, 0.65, 1.5, MUD),
        (0.67, 0.4, 1, 0.65, 1.5, MUD),
    ),
    32: (
        (0.62, 0.1, 0.7, 0.7, 0.5, WATER),
        (0.65, 0.1, 0.8, 0.7, 0.5, WATER),
        (0.65, 0.3, 1, 0.69, 0.5, WATER),
        (0.65, 0.1, 0.7, 0.69, 0.6, MUD),
        (0.65, 0.1, 0.5, 0.68, 0.6, MUD),
    ),
}
COLOUR = ((175, 238, 238), (63, 42, 20))  # of water, of mud; grey images get the grey of it
EMBOSS = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
FARTHEST = 20.0  # pixels from an edge of water, above which it is the same


@in_parts
def spatter(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Lay water over the image, brighter at its edges, or mud. Contract: see `modrobust.corruption.common`."""
    (loc, deviation, sigma, threshold, mix, kind), scale = parameters(SPATTER, images, severity, table)
    # A blur that is wider leaves less of the noise: by this factor, drops are scaled in size and not in number.
    liquid = draw.normal(1, *images.shape[-2:]).mul_(deviation * scale).add_(loc)
    liquid = _smooth(liquid, sigma * scale)
    colour = torch.tensor(COLOUR[kind], dtype=torch.float32, device=images.device)
    if images.shape[1] != 3:
        colour = (colour * torch.tensor(GREY, device=images.device)).sum().round().expand(images.shape[1])
    if kind == WATER:
        liquid = liquid.mul_(liquid >= threshold)
        amount = each(lambda layer: _water(layer, FARTHEST * scale), liquid).mul_(mix)
        return (amount * colour.view(-1, 1, 1)).add_(images).clamp_(0, 255)
    amount = _smooth((liquid > threshold).float(), mix * scale)
    amount = amount.mul_(amount >= 0.8)
    return (amount * colour.view(-1, 1, 1)).add_(images * (1 - amount)).clamp_(0, 255)


def _smooth(layer: Tensor, sigma: float) -> Tensor:
    """scikit-image's Gaussian of float32 (B, 1, H, W), within -8 and 8."""
    by_rows, by_columns = (gaussian(size, sigma, layer.device) for size in layer.shape[-2:])
    return across(grid(layer[:, 0], bits=14), by_rows, by_columns, torch.float32)[:, None]


def _water(layer: Planes, farthest: float) -> Planes:
    """How much water there is: of a layer of liquid, float32 (1, H, W), cut to 0..1, to the same, maximum 1."""
    liquid = (layer[0] * 255).clip(0, 255).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(liquid, 50, 150), cv2.DIST_L2, 5)
    near = cv2.blur(np.minimum(distance, farthest), (3, 3)).astype(np.uint8)
    embossed = cv2.filter2D(cv2.equalizeHist(near), cv2.CV_8U, EMBOSS)
    water = liquid * cv2.blur(embossed, (3, 3)).astype(np.float32)
    return water[None] / max(water.max(), 1)
