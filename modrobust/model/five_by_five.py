"""The network for EMNIST: strided 5x5 convolutions with dropout, one hidden linear layer."""

from collections.abc import Callable, Sequence
from functools import partial

from torch import nn

from modrobust.dataset.splits import height_width
from modrobust.errors import UserError
from modrobust.model.encoder_decoder import encoder_decoder
from modrobust.model.network import Network


def five_by_five(
    num_classes: int,
    image_size: int | Sequence[int],
    widths: Sequence[int] = (64, 128, 256, 256),
    hidden: int = 512,
    dropout: Sequence[float] = (0.1, 0.3, 0.5, 0.5),
    hidden_dropout: float = 0.5,
    module_dropout: Sequence[float] = (0.3, 0.3, 0.5, 0.5),
) -> Network:
    """Blocks conv1, conv2, ..., linear, classifier; the defaults are the published EMNIST network.

    Each convolution halves height and width, rounding up, so every image size will do. Source: Mason et
    al., arXiv 2306.09005, published code.

    Args:
        num_classes: number of logits.
        image_size: height and width of the images, in pixels, or one number for both.
        widths: output channels of each convolution.
        hidden: units of the hidden layer, the penultimate features.
        dropout: rate after each convolution, for whole channels; also in autoencoder and level-0 module.
        hidden_dropout: rate after the hidden layer, also in the last level's module.
        module_dropout: rate in the modules of levels 1, 2, ..., one per convolution.

    Raises:
        UserError: the rates are not as many as the convolutions.
    """
    for key, rates in {"dropout": dropout, "module_dropout": module_dropout}.items():
        if len(rates) != len(widths):
            raise UserError(
                f"model.{key} has {len(rates)} rates for {len(widths)} convolutions (model.widths): "
                f"give {len(widths)} rates."
            )
    blocks: dict[str, nn.Module] = {}
    channels, (height, width) = 3, height_width(image_size)
    for i, (filters, rate) in enumerate(zip(widths, dropout, strict=True), start=1):
        blocks[f"conv{i}"] = nn.Sequential(*_convolution(channels, filters, 2, rate))
        channels, height, width = filters, (height + 1) // 2, (width + 1) // 2
    blocks["linear"] = nn.Sequential(nn.Flatten(), *_linear(channels * height * width, hidden, hidden_dropout))
    blocks["classifier"] = nn.Linear(hidden, num_classes)
    modules: list[Callable[[], nn.Module]] = [partial(_image_to_image, image_size, [widths[0]] * 2, dropout)]
    for filters, rate in zip(widths, module_dropout, strict=True):
        modules.append(partial(_two_convolutions, filters, rate))
    modules.append(partial(_two_linear, hidden, hidden_dropout))
    return Network(blocks, partial(_build, modules), partial(_image_to_image, image_size, widths[:3], dropout))


def _build(modules: Sequence[Callable[[], nn.Module]], level: int) -> nn.Module:
    return modules[level]()


def _two_convolutions(width: int, dropout: float) -> nn.Module:
    return nn.Sequential(*_convolution(width, width, 1, dropout), *_convolution(width, width, 1, dropout))


def _two_linear(units: int, dropout: float) -> nn.Module:
    return nn.Sequential(*_linear(units, units, dropout), *_linear(units, units, dropout))


def _image_to_image(image_size: int | Sequence[int], channels: Sequence[int], dropout: Sequence[float]) -> nn.Module:
    return encoder_decoder(image_size, channels, [2] * len(channels), 5, dropout, bounded=True)


def _convolution(channels: int, width: int, stride: int, dropout: float) -> list[nn.Module]:
    return [nn.Conv2d(channels, width, 5, stride, padding=2), nn.Dropout2d(dropout), nn.ReLU()]


def _linear(inputs: int, units: int, dropout: float) -> list[nn.Module]:
    return [nn.Linear(inputs, units), nn.Dropout(dropout), nn.ReLU()]
