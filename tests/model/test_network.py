"""What every network can do, on one of three small blocks."""

import copy
import pickle
from functools import partial

import pytest
import torch
from torch import nn

from modrobust.errors import UserError
from modrobust.model.network import Network


def module_for_level(width: int, level: int) -> nn.Module:
    return nn.Linear(width, width) if level else nn.Identity()


@pytest.fixture
def network() -> Network:
    blocks = {
        "first": nn.Conv2d(3, 2, 3, padding=1),
        "second": nn.Sequential(nn.ReLU(), nn.Linear(4, 4)),
        "classifier": nn.Sequential(nn.Flatten(), nn.Linear(32, 5)),
    }
    return Network(blocks, partial(module_for_level, 4), partial(nn.Conv2d, 3, 3, 1))


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def test_levels_are_the_inputs_of_the_blocks(network: Network, images: torch.Tensor) -> None:
    assert network.levels == 3
    assert network.block_names == ["first", "second", "classifier"]
    first = network.blocks[0](images)
    assert torch.equal(network.features(images, 0), images)
    assert torch.equal(network.features(images, 1), first)
    assert torch.equal(network.features(first, 2, start=1), network.blocks[1](first))


def test_predict_agrees_with_forward_and_flattens(network: Network, images: torch.Tensor) -> None:
    features = network.features(images, 1)
    logits, penultimate = network.predict(features, start=1)
    assert torch.equal(logits, network(images))
    assert torch.equal(penultimate, network.features(images, 2).reshape(6, 32))


def test_modules_are_new_and_not_the_networks(network: Network) -> None:
    before = sum(p.numel() for p in network.parameters())
    module, other = network.make_module(1), network.make_module(1)
    assert isinstance(module, nn.Linear) and module.weight is not other.weight
    assert isinstance(network.make_module(0), nn.Identity)
    assert network.make_autoencoder()(torch.zeros(1, 3, 4, 4)).shape == (1, 3, 4, 4)
    assert sum(p.numel() for p in network.parameters()) == before
    assert all(name.startswith("blocks.") for name in network.state_dict())


@pytest.mark.parametrize("level", [-1, 3])
def test_a_level_out_of_range_is_refused(level: int, network: Network, images: torch.Tensor) -> None:
    message = rf"no level {level}: allowed are 0\.\.2, the inputs of first, second, classifier\."
    with pytest.raises(UserError, match=message):
        network.make_module(level)
    with pytest.raises(UserError, match=message):
        network.features(images, level)
    with pytest.raises(UserError, match=message):
        network(images, start=level)
    with pytest.raises(UserError, match=message):
        network.predict(images, start=level)


def test_features_of_an_earlier_level_are_refused(network: Network, images: torch.Tensor) -> None:
    with pytest.raises(UserError, match=r"level 1 cannot be computed from those at level 2: .* 2\.\.2"):
        network.features(images, 1, start=2)


def test_networks_can_be_copied_and_pickled(network: Network, images: torch.Tensor) -> None:
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(other(images), network(images))
        assert other.blocks[0].weight is not network.blocks[0].weight
        assert isinstance(other.make_module(1), nn.Linear)
