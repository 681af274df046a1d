"""Random numbers that belong to an image: counted, not drawn one after the other from a generator."""

from functools import cached_property, lru_cache
from hashlib import blake2b
from math import pi, prod, sqrt

import torch
from torch import Tensor


class Draw:
    """Random numbers for every image of a batch, counted from a 64-bit key of the image's own.

    The same key gives the same numbers whatever the batch, order, worker or device; every call goes on
    counting, and gives new ones.
    """

    def __init__(self, purpose: str | tuple[str, ...], index: Tensor, which: Tensor | None = None) -> None:
        """Name the numbers.

        Args:
            purpose: what they are for; part of every key. Several, where they differ from image to image.
            index: int64 (B,), the images; the other part. The numbers come on its device.
            which: int64 (B,), the place of each image's purpose among several.
        """
        self.purpose, self.index, self.which = purpose, index, which
        self._counted = 0

    @classmethod
    def of(cls, seed: int, split: str, index: Tensor, position: int, name: str, epoch: int | None = None) -> "Draw":
        """The numbers for one corruption at one place of a composition.

        Args:
            seed: of all corruptions of a study.
            split: of the data set: images of two splits may have the same index.
            index: int64 (B,), the images.
            position: place in the composition, from 0.
            name: of the corruption.
            epoch: for new numbers at every visit; None for the same ones always.
        """
        return cls(cls.purpose_of(seed, split, position, name, epoch), index)

    @staticmethod
    def purpose_of(seed: int, split: str, position: int, name: str, epoch: int | None = None) -> str:
        """What `of` calls the numbers."""
        return repr((seed, split, position, name, epoch))

    def part(self, where: slice) -> "Draw":
        """The numbers of some of the images, from the first on."""
        return Draw(self.purpose, self.index[where])

    def bits(self, *shape: int) -> Tensor:
        """int32 (B, *shape), uniform over all values."""
        first, second = self._keys
        start = self._counted
        self._counted += prod(shape)
        # Two rounds of multiplication, each image's counters mixed with one half of its key before each: a
        # counter may meet another image's at the first half, and the second half parts them again.
        bits = torch.bitwise_xor(_counters(start, self._counted, first.device), first).mul_(0x21F0AAAD)
        _xorshift_(bits, 15).add_(second).mul_(-0x2CA5D269)
        return _xorshift_(bits, 15).view(-1, *shape)

    @cached_property
    def _keys(self) -> tuple[Tensor, Tensor]:
        """int32 (B, 1) each: the halves of every image's key, a bijection of its index."""
        key = self.index * -0x61C8864680B583EB
        if self.which is None:
            key += _digest(str(self.purpose))
        else:
            key += _digests(tuple(self.purpose), self.index.device)[self.which]
        halves = _xorshift_(key, 32).mul_(-0x6B2FB644ECCEEE15).view(torch.int32).view(-1, 2)
        return halves[:, :1], halves[:, 1:]

    def uniform(self, *shape: int) -> Tensor:
        """float32 (B, *shape), uniform over the multiples of 2^-24 in [0, 1)."""
        return self.bits(*shape).bitwise_right_shift_(8).bitwise_and_(0xFFFFFF).float().mul_(2**-24)

    def normal(self, *shape: int) -> Tensor:
        """float32 (B, *shape), standard normal, within -4.61 .. 4.61.

        By the inverse distribution function: a table of its upper 16 bits, straight lines in between. (Only
        products and sums: logarithms and cosines may differ in the last bit from batch to batch.)
        """
        bits = self.bits(*shape)
        cell = (bits >> 16).add_(2**15).flatten()
        fraction = bits.bitwise_and_(0xFFFF).float().mul_(2**-16)
        start, slope = (table.index_select(0, cell).view_as(bits) for table in _quantiles(bits.device))
        return slope.mul_(fraction).add_(start)


def _digest(purpose: str) -> int:
    return int.from_bytes(blake2b(purpose.encode(), digest_size=8).digest(), "little", signed=True)


@lru_cache(maxsize=8)
def _digests(purposes: tuple[str, ...], device: torch.device) -> Tensor:
    digests = torch.tensor([_digest(purpose) for purpose in purposes])
    if device.type == "cuda":  # new ones in every epoch: the host does not wait until they are there
        return digests.pin_memory().to(device, non_blocking=True)
    return digests.to(device)


def _xorshift_(x: Tensor, by: int) -> Tensor:
    """x ^= x >>> by, in place; torch's shift is arithmetic, the mask makes it logical."""
    return x.bitwise_xor_((x >> by).bitwise_and_((1 << (8 * x.element_size() - by)) - 1))


@lru_cache(maxsize=64)
def _counters(start: int, stop: int, device: torch.device) -> Tensor:
    """int32 (stop - start,): whole numbers, each mixed (a 32-bit finaliser from C. Wellons' search)."""
    x = torch.arange(start, stop, dtype=torch.int32, device=device)
    _xorshift_(x, 16).mul_(0x21F0AAAD)
    _xorshift_(x, 15).mul_(-0x2CA5D269)
    return _xorshift_(x, 15)


@lru_cache(maxsize=8)
def _quantiles(device: torch.device) -> tuple[Tensor, Tensor]:
    """float32 (2^16,) each: the normal quantile at the start of every cell, and its rise within the cell."""
    quantile = torch.special.ndtri(torch.arange(2**16 + 1, dtype=torch.float64) / 2**16)
    # The outermost cells reach to infinity: they end where their mean is that of the distribution's tail.
    tail = quantile[-2]
    end = 2 * 2**16 / sqrt(2 * pi) * torch.exp(-(tail**2) / 2) - tail
    quantile[0], quantile[-1] = -end, end
    return quantile[:-1].float().to(device), quantile.diff().float().to(device)
