"""From stored images to what networks take."""

from collections import Counter
from functools import lru_cache

import torch
from torch import Tensor

from modrobust.dataset.splits import ImageDataset

STRETCH = "modrobust: data"  # what a profile calls work on data
COUNT = Counter({"images": 0})
"""How many images this process has normalised, which is for networks."""


def normalise(images: Tensor, dataset: ImageDataset) -> Tensor:
    """uint8 images (B, 1 or 3, H, W) -> float32 (B, 3, H, W): to 0..1, grey repeated, minus mean, over std."""
    if not torch.compiler.is_compiling():  # an export is for any number
        COUNT["images"] += len(images)
    factor, less = _constants(tuple(dataset.mean), tuple(dataset.std), images.device)
    return images.float().expand(-1, 3, -1, -1).mul(factor).sub_(less)


@lru_cache(maxsize=16)
def _constants(mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """float32 (1, 3, 1, 1) each: what uint8 values are multiplied by, and what is then subtracted."""
    means, stds = (torch.tensor(v, dtype=torch.float32, device=device).view(1, 3, 1, 1) for v in (mean, std))
    return 1 / (255 * stds), means / stds


def denormalise(images: Tensor, dataset: ImageDataset) -> Tensor:
    """float32 (B, 3, H, W) back to uint8, for looking at; what lies outside 0..255 is cut off."""
    mean, std = (torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (dataset.mean, dataset.std))
    return ((images * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
