"""Encoder-decoders return to the image they started from."""

import pytest
import torch
from torch import nn

from modrobust.dataset.splits import height_width
from modrobust.model.encoder_decoder import encoder_decoder


@pytest.mark.parametrize("size", [1, 2, 5, 28, 30, 31, (5, 28), (31, 14)], ids=str)
@pytest.mark.parametrize(("kernel_size", "strides"), [(3, [1, 2, 1]), (5, [2, 2, 2]), (5, [1, 2, 2])])
def test_output_has_the_size_of_the_image(size: int | tuple[int, int], kernel_size: int, strides: list[int]) -> None:
    images = torch.randn(2, 3, *height_width(size))
    network = encoder_decoder(size, [4, 5, 6], strides, kernel_size).eval()
    assert network(images).shape == images.shape
    assert network.encoder(images).shape[1] == 6


def test_dropout_is_mirrored_without_the_first_and_the_output_bounded() -> None:
    network = encoder_decoder(8, [4, 5, 6], [2, 2, 2], 5, dropout=[0.1, 0.2, 0.3], bounded=True)
    rates = [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout2d)]
    assert rates == [0.1, 0.2, 0.3, 0.3, 0.2]
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    assert network(1e4 * torch.randn(2, 3, 8, 8)).abs().max() <= 1


def test_without_dropout_batches_are_normalised_and_the_output_free() -> None:
    network = encoder_decoder(8, [4, 5], [2, 1], 3)
    kinds = [type(layer).__name__ for part in network for layer in part]
    assert kinds == [
        *("Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d", "ReLU"),
        *("ConvTranspose2d", "BatchNorm2d", "ReLU", "ConvTranspose2d"),
    ]
