"""Zoom about the centre, as scipy's of order 1."""

from math import ceil

import torch
from torch import Tensor


def taps(size: int, factor: float) -> tuple[Tensor, Tensor]:
    """Between which old pixels of a line each of the new ones lies.

    The central ceil(size / factor) pixels are stretched, ends upon ends; of those the central `size` are kept.

    Returns:
        int64 (size,), the old pixel before (the other is the next); float64 (size,), the share of the next.
    """
    kept = ceil(size / factor)
    stretched = round(kept * factor)
    position = torch.arange(size, dtype=torch.float64) + (stretched - size) // 2
    position *= (kept - 1) / max(stretched - 1, 1)
    before = position.floor().clamp_(0, max(kept - 2, 0))
    return before.long() + (size - kept) // 2, position - before


def matrix(size: int, factor: float) -> Tensor:
    """The same as a matrix, float64 (size, size)."""
    before, share = taps(size, factor)
    weights = torch.zeros(size, size, dtype=torch.float64)
    weights.scatter_add_(1, before[:, None], 1 - share[:, None])
    return weights.scatter_add_(1, (before[:, None] + 1).clamp_(max=size - 1), share[:, None])


def zoomed(images: Tensor, factor: float) -> Tensor:
    """float32 (B, C, H, W), sides of at least 2, to the same, product by product: equal bits whatever the batch."""
    for side in (2, 3):
        before, share = (one.to(images.device) for one in taps(images.shape[side], factor))
        share = share.float().view(-1, 1) if side == 2 else share.float()
        first, second = images.index_select(side, before), images.index_select(side, before + 1)
        images = first.mul_(1 - share).add_(second.mul_(share))
    return images
