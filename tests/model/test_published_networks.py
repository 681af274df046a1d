"""The three published networks against the golden values: counts, shapes, outputs; modules at every level."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from published import compare, published
from torch import nn

from modrobust.dataset.splits import height_width
from modrobust.errors import UserError
from modrobust.model.five_by_five import five_by_five
from modrobust.model.inception_v3 import inception_v3
from modrobust.model.network import Network
from modrobust.model.resnet18 import resnet18

GOLDEN = Path(__file__).parents[1] / "golden"
META = json.loads((GOLDEN / "networks.json").read_text())["meta"]
PUBLISHED: dict[str, tuple[Callable[..., Network], int, int]] = {
    "emnist": (five_by_five, 47, 28),
    "cifar": (resnet18, 10, 32),
    "facescrub": (inception_v3, 388, 100),
}
MODULE_LEVELS = {"emnist": (0, 3, 5), "cifar": (0, 4), "facescrub": (8,)}  # that have golden logits
AUTOENCODER_TAG = 60

Fill = Callable[[nn.Module, int], None]


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def assert_close(found: torch.Tensor, name: str) -> None:
    with np.load(GOLDEN / "networks.npz") as golden:
        expected = torch.from_numpy(golden[name])
    assert found.shape == expected.shape
    dataset, what = name.split("/")
    compare(f"the network of {dataset}: {what.partition('_level')[0].replace('_', ' ')}", found, expected)
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()


@pytest.fixture(scope="module", params=PUBLISHED)
def dataset(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def meta(dataset: str) -> dict[str, Any]:
    return META[dataset]


@pytest.fixture(scope="module")
def network(dataset: str, fill: Fill) -> Network:
    """The published network, filled and in evaluation mode; tests leave it as it is."""
    build, num_classes, image_size = PUBLISHED[dataset]
    network = build(num_classes, image_size).eval()
    fill(network, 0)
    return network


@pytest.fixture(scope="module")
def images(dataset: str) -> torch.Tensor:
    size = PUBLISHED[dataset][2]
    draw = np.random.RandomState(7).standard_normal((4, 3, size, size))
    return torch.from_numpy(draw.astype(np.float32).clip(-1, 1))


def test_network_has_the_published_parameters(network: Network, meta: dict[str, Any]) -> None:
    assert (network.levels, count(network)) == (meta["blocks"], meta["params"])


@torch.no_grad()
def test_features_have_the_published_shapes(network: Network, images: torch.Tensor, meta: dict[str, Any]) -> None:
    shapes = [list(network.features(images[:1], i).shape[1:]) for i in range(network.levels)]
    assert shapes[0] == [3, *images.shape[2:]]
    assert shapes[1:] == meta["feature_shapes"][:-1]


@published
@torch.no_grad()
def test_logits_are_the_published(network: Network, images: torch.Tensor, dataset: str) -> None:
    logits, penultimate = network.predict(images)
    assert_close(logits, f"{dataset}/logits")
    assert torch.equal(penultimate, network.features(images, network.levels - 1))
    assert (penultimate >= 0).all()


@published
@torch.no_grad()
def test_logits_with_a_module_are_the_published(
    network: Network, images: torch.Tensor, dataset: str, fill: Fill
) -> None:
    for level in MODULE_LEVELS[dataset]:
        module = network.make_module(level).eval()
        fill(module, 1 + level)
        features = module(network.features(images, level))
        assert_close(network(features, start=level), f"{dataset}/logits_module_level_{level}")


@published
@torch.no_grad()
def test_autoencoder_is_the_published(
    network: Network, images: torch.Tensor, dataset: str, meta: dict[str, Any], fill: Fill
) -> None:
    autoencoder = network.make_autoencoder().eval()
    assert count(autoencoder) == meta["autoencoder_params"]
    if dataset == "facescrub":  # there is no golden output
        assert autoencoder(images[:1]).shape == images[:1].shape
        return
    fill(autoencoder, AUTOENCODER_TAG)
    output = autoencoder(images)
    assert list(output.shape) == meta["autoencoder_out"]
    assert_close(output[:, :, :8, :8], f"{dataset}/autoencoder_crop")


def test_modules_have_the_published_parameters_and_keep_the_shape(network: Network, meta: dict[str, Any]) -> None:
    with torch.device("meta"):  # the largest module has 123 million parameters
        for level, expected in enumerate(meta["module_params"]):
            shape = meta["feature_shapes"][level - 1] if level else meta["autoencoder_out"][1:]
            module, features = network.make_module(level), torch.empty(2, *shape)
            assert (level, count(module)) == (level, expected)
            assert module(features).shape == features.shape


@torch.no_grad()
def test_forward_can_start_at_every_level(network: Network, images: torch.Tensor) -> None:
    features, logits = images[:2], network(images[:2])
    for level in range(network.levels):
        features = network.features(features, level, start=max(level - 1, 0))
        torch.testing.assert_close(network(features, start=level), logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("build", "size"),
    [(build, size) for build in (five_by_five, resnet18) for size in (1, 13, 28, 33, (28, 13))]
    + [(inception_v3, 75), (inception_v3, (98, 76))],
)
def test_other_image_sizes_work(build: Callable[..., Network], size: int | tuple[int, int]) -> None:
    with torch.device("meta"):
        network, images = build(5, size), torch.empty(2, 3, *height_width(size))
        assert network(images).shape == (2, 5)
        assert network.make_autoencoder()(images).shape == images.shape
        for level in range(network.levels):
            features = network.eval().features(images, level)
            assert network.make_module(level).eval()(features).shape == features.shape


def test_inception_refuses_smaller_images() -> None:
    with pytest.raises(UserError, match=r"inception_v3 .* 74x74 pixels: allowed are 75x75 and larger"):
        inception_v3(10, 74)


def test_rates_must_match_the_convolutions() -> None:
    with pytest.raises(UserError, match=r"model\.module_dropout has 3 rates for 4 convolutions"):
        five_by_five(10, 28, module_dropout=(0.1, 0.2, 0.3))
