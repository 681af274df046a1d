"""Layers of several networks at once: parameters carry a replica in front, and nothing passes between replicas."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from modrobust.errors import UserError


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """A generator for each replica, so that its first weights do not depend on the others."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def uniform(draws: list[torch.Generator], shape: tuple[int, ...], fan_in: int) -> nn.Parameter:
    """A parameter float32 (R, *shape), uniform within 1/sqrt(fan_in) of zero, as in torch's own layers."""
    bound = fan_in**-0.5
    each = [torch.empty(shape).uniform_(-bound, bound, generator=draw) for draw in draws]
    return nn.Parameter(torch.stack(each))


def products(x: Tensor, y: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ y (+ bias), float32 (N, n, m), for N pairs of matrices; the bits of each product do not depend on N.

    A single product with a vector would be left to another routine, which has other bits: it is done twice.
    """
    alone = len(x) == 1 and 1 in (*x.shape[1:], y.shape[-1])
    if alone:
        x, y = x.expand(2, -1, -1), y.expand(2, -1, -1)
        bias = None if bias is None else bias.expand(2, -1, -1)
    every = torch.bmm(x, y) if bias is None else torch.baddbmm(bias, x, y)
    return every[:1] if alone else every


class Linear(nn.Module):
    """A linear layer for each of `modules` modules of each replica.

    Args:
        draws: of the first weights, one generator for each replica.
        modules: how many modules each replica has.
        n_in, n_out: features.
    """

    def __init__(self, draws: list[torch.Generator], modules: int, n_in: int, n_out: int) -> None:
        super().__init__()
        if n_in < 1 or n_out < 1:
            raise UserError(f"model: a layer of {n_in} inputs and {n_out} outputs; at least 1 is needed of both.")
        self.weight = uniform(draws, (modules, n_in, n_out), n_in)
        self.bias = uniform(draws, (modules, 1, n_out), n_in)

    def forward(self, x: Tensor) -> Tensor:
        """float32 (R, modules, B, n_in) -> (R, modules, B, n_out)."""
        after = products(x.flatten(0, 1), self.weight.flatten(0, 1), self.bias.flatten(0, 1))
        return after.unflatten(0, self.weight.shape[:2])


class Convolution(nn.Module):
    """A convolution without padding, stride 1, for each module of each replica.

    Args:
        draws, modules: see `Linear`.
        n_in, n_out: channels.
        kernel: height and width, pixels.
    """

    def __init__(self, draws: list[torch.Generator], modules: int, n_in: int, n_out: int, kernel: int) -> None:
        super().__init__()
        fan_in = n_in * kernel**2
        self.weight = uniform(draws, (modules, n_out, n_in, kernel, kernel), fan_in)
        self.bias = uniform(draws, (modules, n_out), fan_in)

    def forward(self, x: Tensor) -> Tensor:
        """float32 (R, modules, B, n_in, H, W) -> (R, modules, B, n_out, H', W')."""
        groups, images = self.weight.shape[:2], x.flatten(0, 1)  # each network is a group of channels
        after = functional.conv2d(
            images.transpose(0, 1).flatten(1, 2), self.weight.flatten(0, 2), self.bias.flatten(), groups=len(images)
        )
        return after.unflatten(1, (len(images), -1)).transpose(0, 1).unflatten(0, groups)


class Mlps(nn.Module):
    """Linear layers with ReLU in between, for each module of each replica.

    Args:
        draws, modules: see `Linear`.
        sizes: features before, between and after the layers.
    """

    def __init__(self, draws: list[torch.Generator], modules: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Linear(draws, modules, n_in, n_out) for n_in, n_out in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        """float32 (R, modules, B, sizes[0]) -> (R, modules, B, sizes[-1])."""
        *hidden, last = self.layers
        for layer in hidden:
            x = layer(x).relu()
        return last(x)  # type: ignore[no-any-return]


class Cnns(nn.Module):
    """5x5 convolutions, each with ReLU and 2x2 max-pooling, then linear layers; for each module of each replica.

    Args:
        draws, modules: see `Linear`.
        size: height and width of the images, pixels.
        channels: before, between and after the convolutions.
        sizes: features between and after the linear layers.
    """

    def __init__(
        self,
        draws: list[torch.Generator],
        modules: int,
        size: int,
        channels: Sequence[int],
        sizes: Sequence[int],
    ) -> None:
        super().__init__()
        pairs = pairwise(channels)
        self.convolutions = nn.ModuleList(Convolution(draws, modules, n_in, n_out, 5) for n_in, n_out in pairs)
        for _ in self.convolutions:
            size = (size - 4) // 2
        if size < 1:
            raise UserError("model: the images are too small for so many 5x5 convolutions with pooling.")
        self.head = Mlps(draws, modules, [channels[-1] * size**2, *sizes])

    def forward(self, x: Tensor) -> Tensor:
        """float32 (R, modules, B, channels[0], H, W) -> (R, modules, B, sizes[-1])."""
        for convolution in self.convolutions:
            x = convolution(x).relu()
            x = functional.max_pool2d(x.flatten(0, 3), 2).unflatten(0, x.shape[:4])
        return self.head(x.flatten(3))
