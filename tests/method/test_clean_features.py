"""Clean features are those of the frozen network, and kept where they are always the same and fit."""

from collections import Counter

import pytest
import torch
from test_views import CROP_AND_FLIP, make

from modrobust.dataset.splits import Augmentation
from modrobust.method.clean_features import CleanFeatures
from modrobust.method.modes import evaluating
from modrobust.method.views import Views
from modrobust.model.five_by_five import five_by_five
from modrobust.model.network import Network

GIGABYTES_OF_LEVEL_2 = 10 * 8 * 2 * 2 * 4 / 1e9  # of the ten training images of test_views, float32


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return five_by_five(5, 8, widths=(4, 8, 8, 8), hidden=16).eval()


@pytest.fixture
def passes(network: Network, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts images that go through the network."""
    count: Counter[str] = Counter()
    features = Network.features

    def counting(network: Network, x: torch.Tensor, *levels: int) -> torch.Tensor:
        count["images"] += len(x)
        return features(network, x, *levels)

    monkeypatch.setattr(Network, "features", counting)
    return count


def anew(network: Network, views: Views, epoch: int, level: int) -> torch.Tensor:
    with torch.no_grad():
        return network.features(views.see(views.paired(4, epoch, 1), ("Identity",)), level)


@pytest.mark.parametrize("level", range(6))
@pytest.mark.parametrize("cache_gb", [0, 1])
@pytest.mark.parametrize("augmentation", [Augmentation(), CROP_AND_FLIP])
def test_equal_to_computing_anew(network: Network, level: int, cache_gb: float, augmentation: Augmentation) -> None:
    views = make(augmentation=augmentation)
    features = CleanFeatures(network, views, level, cache_gb)
    for epoch in range(2):
        found = features(views.paired(4, epoch, 1))
        torch.testing.assert_close(found, anew(network, views, epoch, level), rtol=1e-5, atol=1e-6)
        assert not found.requires_grad


def images_for(network: Network, views: Views, cache_gb: float, passes: Counter[str]) -> int:
    features = CleanFeatures(network, views, 2, cache_gb)
    features(views.paired(4, 0, 0))
    passes.clear()
    for epoch in range(1, 4):
        features(views.paired(4, epoch, 0))
    return passes["images"]


def test_kept_where_they_fit(network: Network, passes: Counter[str]) -> None:
    assert images_for(network, make(), GIGABYTES_OF_LEVEL_2, passes) == 0
    assert images_for(network, make(), GIGABYTES_OF_LEVEL_2 * 0.99, passes) == 12


@pytest.mark.parametrize("augmentation", [Augmentation(padding=1), Augmentation(flip=True)])
def test_not_kept_with_augmentation(network: Network, passes: Counter[str], augmentation: Augmentation) -> None:
    assert images_for(network, make(augmentation=augmentation), 1, passes) == 12


def test_validation_is_kept_with_augmentation_too(network: Network, passes: Counter[str]) -> None:
    views = make(augmentation=CROP_AND_FLIP)
    features = CleanFeatures(network, views, 2, cache_gb=1)
    with evaluating(network):
        first = [features(batch) for batch in views.validation(3)]
        passes.clear()
        second = [features(batch) for batch in views.validation(3)]
    assert passes["images"] == 0
    assert all(map(torch.equal, first, second))


def test_training_after_validation_has_gradients(network: Network) -> None:
    views = make()
    features = CleanFeatures(network, views, 2, cache_gb=1)
    with evaluating(network):
        features(next(views.validation(3)))
    weight = torch.ones((), requires_grad=True)
    (weight * features(views.paired(4, 0, 0))).sum().backward()
    assert weight.grad is not None
