"""A split's images under every corruption with fixed noise: made once and kept, where there is room for them."""

import torch
from torch import Tensor

from modrobust.corruption.corruption import Corruption, quantize
from modrobust.dataset.splits import Split

AT_ONCE = 1024  # images corrupted at a time


class Kept:
    """uint8 images of a split, a block of them for each corruption; a block is made when it is first asked for.

    Attributes:
        images: uint8 (corruptions * N, C, H, W), corruption by corruption; what was not asked for is not set.
    """

    def __init__(self, split: Split, name: str, corruption: Corruption, device: torch.device) -> None:
        """Take the memory.

        Args:
            split, name: whose images they are.
            corruption: Identity and its elemental corruptions have a block each, in base order.
            device: where they are kept.
        """
        self.split, self.name, self.corruption, self.device = split, name, corruption, device
        self.names = ("Identity", *corruption.names)
        shape = (len(self.names) * len(split), *split.inputs.shape[1:])
        self.images = torch.empty(shape, dtype=torch.uint8, device=device)
        self._made: set[str] = set()
        self._begins: dict[tuple[str, ...], Tensor] = {}

    @staticmethod
    def size(split: Split, corruption: Corruption) -> int:
        """Bytes that all blocks take."""
        return split.inputs.numel() * (1 + len(corruption.names))

    def block(self, name: str) -> Tensor:
        """The images under a corruption, uint8 (N, C, H, W)."""
        first = self.names.index(name) * len(self.split)
        here = self.images[first : first + len(self.split)]
        if name not in self._made:
            for start in range(0, len(self.split), AT_ONCE):
                some = self.split.take(slice(start, start + AT_ONCE), self.device)
                seen = self.corruption.apply(some.inputs, (name,), self.name, some.index)
                here[start : start + len(some)] = quantize(seen)
            self._made.add(name)
        return here

    def begins(self, names: tuple[str, ...]) -> Tensor:
        """Where the blocks of some corruptions begin in `images`: int64 (len(names),), on the device."""
        if names not in self._begins:
            for name in names:
                self.block(name)
            places = [self.names.index(name) * len(self.split) for name in names]
            self._begins[names] = torch.tensor(places, device=self.device)
        return self._begins[names]
