"""Modules and autoencoders for networks that bring none of their own, by the shape of what they work on."""

from collections.abc import Callable, Sequence
from functools import partial
from math import gcd

from torch import Tensor, nn

from modrobust.model.encoder_decoder import encoder_decoder

HEAD = 64  # units of an attention head, as in ViT (Dosovitskiy et al., arXiv 2010.11929)


def module_for(image_size: Sequence[int], shapes: Sequence[tuple[int, ...]], level: int) -> nn.Module:
    """A module that keeps the shape of the features at a level, whatever sign they have.

    Image space: an encoder-decoder, that of the published CIFAR-10 network. (C, H, W): two 3x3 convolutions with batch
    normalisation; (H, W, C): the same. Tokens (T, D): a pre-norm transformer block. (D): two linear layers with batch
    normalisation. All but the first add what they compute to their input.

    Args:
        image_size: height and width, in pixels.
        shapes: of the features at every level, without the number of images.
        level: which of them.
    """
    shape = shapes[level]
    if level == 0:
        return encoder_decoder(image_size, [32, 64, 64], [1, 2, 1], kernel_size=3)
    if len(shape) == 1:
        return Residual(*_layers(partial(nn.Linear, shape[0], shape[0]), partial(nn.BatchNorm1d, shape[0])))
    if len(shape) == 2:
        heads = gcd(shape[1], max(1, shape[1] // HEAD))
        return nn.TransformerEncoderLayer(
            shape[1], heads, 4 * shape[1], dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
    if channels_last(shape, image_size):
        return ChannelsLast(Residual(*_convolutions(shape[2])))
    return Residual(*_convolutions(shape[0]))


def autoencoder_for(image_size: Sequence[int]) -> nn.Module:
    """From images (N, 3, H, W) to the same shape: that of the published CIFAR-10 network (arXiv 2306.09005)."""
    return encoder_decoder(image_size, [32, 64, 64, 64, 64], [1, 2, 1, 1, 1], kernel_size=3)


def channels_last(shape: tuple[int, ...], image_size: Sequence[int]) -> bool:
    """Whether features of three dimensions are (H, W, C): their first two are more like the image's than the last."""
    aspect = image_size[0] / image_size[1]
    first, last = (max(h / w / aspect, aspect * w / h) for h, w in (shape[1:], shape[:2]))
    return last < first


def _convolutions(channels: int) -> list[nn.Module]:
    return _layers(partial(nn.Conv2d, channels, channels, 3, padding=1, bias=False), partial(nn.BatchNorm2d, channels))


def _layers(layer: Callable[[], nn.Module], normalisation: Callable[[], nn.Module]) -> list[nn.Module]:
    return [layer(), normalisation(), nn.ReLU(), layer(), normalisation()]


class Residual(nn.Sequential):
    """Adds what its layers compute to their input."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x + super().forward(x)


class ChannelsLast(nn.Module):
    """A module for (N, C, H, W) applied to (N, H, W, C)."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return self.module(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
