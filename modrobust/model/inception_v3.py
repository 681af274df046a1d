"""The network for FaceScrub: torchvision's Inception-v3 without its auxiliary head."""

from collections.abc import Sequence
from functools import partial

from torch import nn
from torchvision import models

from modrobust.dataset.splits import height_width
from modrobust.errors import UserError
from modrobust.model.encoder_decoder import encoder_decoder
from modrobust.model.network import Network

MINIMUM_SIZE = 75  # a pixel less, and the last strided convolution has nothing left to work on

# Level: channels of its features, for modules of plain convolutions.
WIDTH = {1: 32, 2: 32, 3: 64, 4: 80, 5: 192, 6: 256, 14: 1280}
# Level: torchvision's block that keeps the shape of the level's features.
MIXED = {
    7: "Mixed_5d",
    8: "Mixed_5d",
    9: "Mixed_6b",
    10: "Mixed_6c",
    11: "Mixed_6d",
    12: "Mixed_6e",
    13: "Mixed_6e",
    15: "Mixed_7c",
}
UNITS = 2048


def inception_v3(num_classes: int, image_size: int | Sequence[int]) -> Network:
    """Blocks conv_1a, conv_2a, ..., mixed_7c, classifier, initialised as in torchvision.

    There is no dropout before the classifier, unlike in torchvision. Source: Mason et al., arXiv
    2306.09005, published code; Szegedy et al., arXiv 1512.00567.

    Args:
        num_classes: number of logits.
        image_size: height and width of the images, in pixels, or one number for both; at least 75.

    Raises:
        UserError: the images are too small.
    """
    height, width = height_width(image_size)
    if min(height, width) < MINIMUM_SIZE:
        raise UserError(
            f"inception_v3 cannot take images of {height}x{width} pixels: "
            f"allowed are {MINIMUM_SIZE}x{MINIMUM_SIZE} and larger."
        )
    net = models.inception_v3(weights=None, num_classes=num_classes, aux_logits=False, init_weights=True)
    blocks: dict[str, nn.Module] = {
        "conv_1a": net.Conv2d_1a_3x3,
        "conv_2a": net.Conv2d_2a_3x3,
        "conv_2b": net.Conv2d_2b_3x3,
        "conv_3b": nn.Sequential(net.maxpool1, net.Conv2d_3b_1x1),
        "conv_4a": net.Conv2d_4a_3x3,
        "mixed_5b": nn.Sequential(net.maxpool2, net.Mixed_5b),
        "mixed_5c": net.Mixed_5c,
        "mixed_5d": net.Mixed_5d,
        "mixed_6a": net.Mixed_6a,
        "mixed_6b": net.Mixed_6b,
        "mixed_6c": net.Mixed_6c,
        "mixed_6d": net.Mixed_6d,
        "mixed_6e": net.Mixed_6e,
        "mixed_7a": net.Mixed_7a,
        "mixed_7b": net.Mixed_7b,
        "mixed_7c": nn.Sequential(net.Mixed_7c, net.avgpool, nn.Flatten()),
        "classifier": net.fc,
    }
    return Network(blocks, partial(_module, image_size), partial(_autoencoder, image_size))


def _module(image_size: int | Sequence[int], level: int) -> nn.Module:
    if level == 0:
        return encoder_decoder(image_size, [32, 64, 64], [1, 2, 2], kernel_size=5)
    if level in MIXED:  # taken from a new network, for its initialisation
        return models.inception_v3(weights=None, aux_logits=False, init_weights=True).get_submodule(MIXED[level])
    layers: list[nn.Module] = []
    for _ in range(3):
        if level in WIDTH:
            width = WIDTH[level]
            layers += [nn.Conv2d(width, width, 5, padding=2), nn.BatchNorm2d(width), nn.ReLU()]
        else:
            layers += [nn.Linear(UNITS, UNITS), nn.BatchNorm1d(UNITS), nn.ReLU()]
    return nn.Sequential(*layers)


def _autoencoder(image_size: int | Sequence[int]) -> nn.Module:
    return encoder_decoder(image_size, [64, 128, 256, 256, 512], [2] * 5, kernel_size=5)
