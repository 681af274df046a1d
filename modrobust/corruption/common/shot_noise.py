"""Shot noise: a count of photons, whose mean is in proportion to the value."""

from functools import lru_cache
from math import lgamma, log

import numpy as np
import torch
from torch import Tensor

from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts

PHOTONS = {224: (60, 25, 12, 5, 3), 32: (500, 250, 100, 75, 50)}  # mean count at white

COUNTS = 256  # that a value can lead to: more than five standard deviations to both sides


@in_parts
def shot_noise(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Replace each value, rounded, by a Poisson count with its mean. Contract: see `modrobust.corruption.common`."""
    photons, _ = parameters(PHOTONS, images, severity, table)
    alias, first = _tables(photons, images.device)
    bits = draw.bits(*images.shape[1:])
    level = images.round().to(torch.int32)
    column = (bits >> 24).bitwise_and_(COUNTS - 1)
    entry = alias.index_select(0, column.add(level, alpha=COUNTS).flatten()).view_as(bits)
    keep = bits.bitwise_and_(0xFFFFFF) < (entry >> 8).bitwise_and_(0xFFFFFF)
    count = torch.where(keep, column, entry.bitwise_and_(COUNTS - 1))
    count += first.index_select(0, level.flatten()).view_as(count)
    return count.float().mul_(255 / photons).clamp_(max=255)


@lru_cache(maxsize=8)
def _tables(photons: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Alias tables (Walker 1977) of the Poisson distributions of all 256 values.

    Returns:
        int32 (256 * COUNTS,): of every value and column the share of the column (24 bits) that is its own count, and
        (8 bits) the column whose count the rest is; int32 (256,): the count of every value's first column.
    """
    mean = np.arange(256) / 255 * photons
    first = np.maximum(mean - COUNTS / 2, 0).astype(np.int32)
    count = first[:, None] + np.arange(COUNTS)
    log_factorial = np.array([lgamma(k + 1) for k in range(photons + COUNTS + 1)])
    log_mean = np.array([log(m) if m else -1e9 for m in mean])
    share = np.exp(count * log_mean[:, None] - mean[:, None] - log_factorial[count])
    share *= COUNTS / share.sum(1, keepdims=True)  # a column's fair share is 1
    own, other = np.ones_like(share), np.tile(np.arange(COUNTS), (256, 1))
    values, open_ = np.arange(256), np.ones_like(share, dtype=bool)
    for _ in range(COUNTS - 1):  # the poorest column is filled up by the richest, and is done
        poor = np.where(open_, share, np.inf).argmin(1)
        rich = np.where(open_, share, -np.inf).argmax(1)
        own[values, poor], other[values, poor] = share[values, poor], rich
        share[values, rich] -= 1 - share[values, poor]
        open_[values, poor] = False
    packed = np.clip(own * 2**24, 0, 2**24 - 1).astype(np.int64) << 8 | other
    return (
        torch.from_numpy(packed.astype(np.uint32).view(np.int32).ravel()).to(device),
        torch.from_numpy(first).to(device),
    )
