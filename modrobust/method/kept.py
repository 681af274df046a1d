"""A split's images under every corruption with fixed noise: made once and kept, where there is room for them."""

import torch
from torch import Tensor

from modrobust.corruption.composition import IDENTITY
from modrobust.corruption.corruption import Corruption, quantize
from modrobust.dataset.splits import Split

AT_ONCE = 1024  # images corrupted at a time


class Kept:
    """uint8 images of a split, a block of them for each corruption; a block is made when it is first asked for.

    Attributes:
        clean: uint8 (N, C, H, W), those of the split itself where it lies on the device.
        images: uint8 (corruptions * N, C, H, W), corruption by corruption; what was not asked for is not set.
    """

    def __init__(self, split: Split, name: str, corruption: Corruption, device: torch.device) -> None:
        """Take the memory.

        Args:
            split, name: whose images they are.
            corruption: its elemental corruptions have a block each, in base order.
            device: where they are kept.
        """
        self.split, self.name, self.corruption, self.device = split, name, corruption, device
        self.clean = split.inputs.to(device)
        shape = (len(corruption.names) * len(split), *split.inputs.shape[1:])
        self.images = torch.empty(shape, dtype=torch.uint8, device=device)
        self._made: set[str] = set()
        self._begins: dict[tuple[str, ...], Tensor] = {}

    @staticmethod
    def size(split: Split, corruption: Corruption) -> int:
        """Bytes that all blocks take."""
        return split.inputs.numel() * len(corruption.names)

    def block(self, name: str) -> Tensor:
        """The images under a corruption, uint8 (N, C, H, W)."""
        if name == IDENTITY:
            return self.clean
        first = self.corruption.names.index(name) * len(self.split)
        here = self.images[first : first + len(self.split)]
        if name not in self._made:
            for start in range(0, len(self.split), AT_ONCE):
                some = self.split.take(slice(start, start + AT_ONCE), self.device)
                seen = self.corruption.apply(some.inputs, (name,), self.name, some.index)
                here[start : start + len(some)] = quantize(seen)
            self._made.add(name)
        return here

    def take(self, names: tuple[str, ...], where: Tensor, which: Tensor, counts: list[int]) -> Tensor:
        """Some images, grouped by corruption; Identity can only be the first of these.

        Args:
            names: the corruptions.
            where: int64 (B,), places in the split.
            which: int64 (B,), each image's corruption, by its place in `names`.
            counts: the number of images under each corruption.
        """
        begins, clean = self._begin(names), counts[0] if names[0] == IDENTITY else 0
        return torch.cat([self.clean[where[:clean]], self.images[where[clean:] + begins[which[clean:]]]])

    def _begin(self, names: tuple[str, ...]) -> Tensor:
        """Where the blocks of some corruptions begin in `images`: int64 (len(names),), on the device."""
        if names not in self._begins:
            for name in names:
                self.block(name)
            order = (IDENTITY, *self.corruption.names)  # Identity's place, which is not used, is before all others
            places = [(order.index(name) - 1) * len(self.split) for name in names]
            self._begins[names] = torch.tensor(places, device=self.device)
        return self._begins[names]
