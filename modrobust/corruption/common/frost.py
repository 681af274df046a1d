"""Frost: a texture of ice over the image."""

from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

from modrobust.corruption.common.fog import plasma
from modrobust.corruption.common.lines import moved
from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts

FROST = {  # share of the image; share of the texture; of how many of its pixels in a row one is used
    224: ((1, 0.4, 1), (0.8, 0.6, 1), (0.7, 0.7, 1), (0.65, 0.7, 1), (0.6, 0.75, 1)),
    32: ((1, 0.2, 5), (1, 0.3, 5), (0.9, 0.4, 5), (0.85, 0.4, 5), (0.75, 0.45, 5)),
}

# The published textures are crops of five photographs. Ours are drawn, with about their mean, contrast and grain.
COLOUR = (-20.0, 1.0, 14.0)  # of red, green and blue, above the level
LEVELS = (103.0, 138.0, 164.0, 190.0, 220.0)  # mean of each of the textures
SLOW, GRAIN = 24.0, 19.5  # standard deviations of its drifts and of its needles
NEEDLES = ((10.0, 2.5), (70.0, 2.0), (130.0, 1.5))  # angles in degrees, thickness of their ends in pixels
SOFT = 1.0  # of the needles' edges, in pixels
SIDE = 640  # of a texture, or the next power of two that holds the image


@in_parts
def frost(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Mix the image with a random crop of a texture. Contract: see `modrobust.corruption.common`.

    Images that do not have three channels get the texture's green.
    """
    (share, ice, pixels), scale = parameters(FROST, images, severity, table)
    every = max(1, round(pixels / scale))
    height, width = images.shape[-2:]
    textures = _textures(max(SIDE, every * max(height, width)), every, images.device)
    last = torch.tensor([len(textures), textures.shape[1] - height + 1, textures.shape[2] - width + 1])
    chosen = draw.uniform(3).cpu().mul(last).long().tolist()
    crops = torch.stack([textures[which, y : y + height, x : x + width] for which, y, x in chosen])[:, None]
    colour = torch.tensor(COLOUR if images.shape[1] == 3 else COLOUR[1:2], device=images.device)
    texture = crops.add(colour.view(-1, 1, 1)).clamp_(0, 255)
    return texture.mul_(ice).add(images * share).clamp_(0, 255)


@lru_cache(maxsize=8)
def _textures(side: int, every: int, device: torch.device) -> Tensor:
    """Grey levels, float32 (5, h, w), h and w at least side / every."""
    draw = Draw("frost", torch.arange(len(LEVELS)))
    size = 2 ** (side - 1).bit_length()
    slow = plasma(draw, size, 2.0)[:, :side, :side].numpy()
    noise = draw.normal(len(NEEDLES), side, side).numpy()
    made = []
    for level, drift, layers in zip(LEVELS, slow, noise, strict=True):
        needles = [
            moved(cv2.GaussianBlur(layer, (0, 0), SOFT)[None], 8, sigma, angle)[0]
            for layer, (angle, sigma) in zip(layers, NEEDLES, strict=True)
        ]
        needles = np.max([one / one.std() for one in needles], axis=0)
        parts = [(one - one.mean()) / one.std() for one in (drift, needles)]
        made.append(level + SLOW * parts[0] + GRAIN * parts[1])
    return torch.from_numpy(np.stack(made)[:, ::every, ::every].copy()).to(device)
