"""From stored images to what networks take."""

import torch
from torch import Tensor

from modrobust.dataset.splits import ImageDataset


def normalise(images: Tensor, dataset: ImageDataset) -> Tensor:
    """uint8 images (B, 1 or 3, H, W) -> float32 (B, 3, H, W): to 0..1, grey repeated, minus mean, over std."""
    mean = torch.tensor(dataset.mean, dtype=torch.float32, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(dataset.std, dtype=torch.float32, device=images.device).view(1, 3, 1, 1)
    return images.float().expand(-1, 3, -1, -1).mul(1 / (255 * std)).sub_(mean / std)


def denormalise(images: Tensor, dataset: ImageDataset) -> Tensor:
    """float32 (B, 3, H, W) back to uint8, for looking at; what lies outside 0..255 is cut off."""
    mean, std = (torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (dataset.mean, dataset.std))
    return ((images * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
