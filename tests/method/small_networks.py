"""Networks of torchvision's families at test size, registered there as `<family>_test`."""

from functools import partial
from typing import Any

from torchvision import models
from torchvision.models import _api, convnext, efficientnet, mobilenetv3


def vit_test(image_size: int = 16, weights: None = None, **keys: Any) -> models.VisionTransformer:
    """Patches of 4 pixels, two layers."""
    return models.VisionTransformer(
        image_size, patch_size=4, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, **keys
    )


def convnext_test(weights: None = None, **keys: Any) -> models.ConvNeXt:
    """Two stages."""
    return models.ConvNeXt([convnext.CNBlockConfig(8, 16, 1), convnext.CNBlockConfig(16, None, 2)], **keys)


def efficientnet_test(weights: None = None, **keys: Any) -> models.EfficientNet:
    """Two stages, the first without a shortcut."""
    stage = partial(efficientnet.MBConvConfig, 2, 3)
    return models.EfficientNet([stage(2, 8, 8, 1), stage(1, 8, 16, 2)], dropout=0.2, last_channel=32, **keys)


def mobilenet_test(weights: None = None, **keys: Any) -> models.MobileNetV3:
    """Two blocks, one of them with a shortcut."""
    block = partial(mobilenetv3.InvertedResidualConfig, 8, 3, 16, 8, True, "HS", dilation=1, width_mult=1)
    return models.MobileNetV3([block(stride=1), block(stride=2)], last_channel=32, **keys)


for make in (vit_test, convnext_test, efficientnet_test, mobilenet_test):
    make.__module__ = "torchvision.models.test"
    if make.__name__ not in models.list_models():
        _api.register_model()(make)
