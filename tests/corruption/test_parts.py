"""A corruption in parts is the corruption of the whole batch, random numbers included."""

import pytest
import torch
from torch import Tensor

from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts


@pytest.mark.parametrize("values", [1, 40, 1000], ids=["one by one", "two at a time", "all at once"])
@pytest.mark.parametrize("n", [0, 7])
def test_in_parts(n: int, values: int) -> None:
    seen: list[int] = []

    def noisy(images: Tensor, draw: Draw, strength: float = 1) -> Tensor:
        seen.append(len(images))
        return images + strength * draw.uniform(*images.shape[1:])

    def draw() -> Draw:
        return Draw.of(0, "test", torch.arange(n), 0, "name")

    images = torch.rand(n, 1, 4, 4).expand(-1, 3, -1, -1)[:, :1]
    corrupted = in_parts(noisy, values)(images, draw(), strength=2)
    assert max(seen) == min(n, {1: 1, 40: 2, 1000: 7}[values])
    assert torch.equal(corrupted, noisy(images, draw(), 2))
