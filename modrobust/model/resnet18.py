"""The network for CIFAR-10: torchvision's ResNet-18 without its max-pool."""

from collections.abc import Sequence
from functools import partial

from torch import nn
from torchvision import models

from modrobust.model.encoder_decoder import encoder_decoder
from modrobust.model.network import Network

# Level: the stage whose second residual block has the shape of the level's features.
STAGE = {
    1: "layer1",
    2: "layer1",
    3: "layer1",
    4: "layer2",
    5: "layer2",
    6: "layer3",
    7: "layer3",
    8: "layer4",
}
UNITS = 512


def resnet18(num_classes: int, image_size: int | Sequence[int]) -> Network:
    """Blocks stem, layer1_0, layer1_1, ..., layer4_1, classifier, initialised as in torchvision.

    All convolutions are padded, so every image size will do. Source: Mason et al., arXiv 2306.09005,
    published code; He et al., arXiv 1512.03385.

    Args:
        num_classes: number of logits.
        image_size: height and width of the images, in pixels, or one number for both.
    """
    net = models.resnet18(weights=None, num_classes=num_classes)
    blocks: dict[str, nn.Module] = {"stem": nn.Sequential(net.conv1, net.bn1, net.relu)}
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        for i, block in enumerate(net.get_submodule(stage).children()):
            blocks[f"{stage}_{i}"] = block
    blocks["layer4_1"] = nn.Sequential(blocks["layer4_1"], net.avgpool, nn.Flatten())
    blocks["classifier"] = net.fc
    return Network(blocks, partial(_module, image_size), partial(_autoencoder, image_size))


def _module(image_size: int | Sequence[int], level: int) -> nn.Module:
    if level == 0:
        return encoder_decoder(image_size, [32, 64, 64], [1, 2, 1], kernel_size=3)
    if level in STAGE:  # taken from a new network, for its initialisation
        return models.resnet18(weights=None).get_submodule(f"{STAGE[level]}.1")
    layers = (nn.Linear(UNITS, UNITS), nn.BatchNorm1d(UNITS), nn.ReLU())
    return nn.Sequential(*layers, nn.Linear(UNITS, UNITS), nn.BatchNorm1d(UNITS), nn.ReLU())


def _autoencoder(image_size: int | Sequence[int]) -> nn.Module:
    return encoder_decoder(image_size, [32, 64, 64, 64, 64], [1, 2, 1, 1, 1], kernel_size=3)
