"""The tasks: how many steps and images, what is averaged over validation."""

from collections.abc import Callable

import pytest
import torch
from test_views import NAMES, make
from torch import Tensor, nn
from torch.nn import functional

from modrobust.method.objectives import Paired, Unpaired
from modrobust.method.views import Batch


@pytest.fixture
def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3 * 8 * 8, 5))


def scalars_of(network: nn.Module) -> Callable[[Batch], dict[str, Tensor]]:
    views = make()
    return lambda batch: {"loss": functional.cross_entropy(network(views.see(batch, ("Invert",))), batch.targets)}


@pytest.mark.parametrize(("batch_size", "steps", "used"), [(16, 4, 16), (70, 1, 70), (256, 1, 70)])
def test_unpaired_steps(network: nn.Module, batch_size: int, steps: int, used: int) -> None:
    task = Unpaired(make(), network, NAMES, batch_size)
    assert (task.steps, task.batch_size) == (steps, used)


def test_unpaired_step_is_the_cross_entropy_of_its_batch(network: nn.Module) -> None:
    task, views = Unpaired(make(), network.eval(), NAMES, 16), make()
    images, classes = views.unpaired(NAMES, 16, 3, 2)
    found = task.step(3, 2)
    assert torch.equal(found["loss"], functional.cross_entropy(network(images), classes))
    assert found["accuracy"] == (network(images).argmax(1) == classes).float().mean()


@pytest.mark.parametrize("batch_size", [2, 3, 7, 100])
def test_unpaired_validation_is_the_mean_over_all_images_and_corruptions(network: nn.Module, batch_size: int) -> None:
    views = make()
    (batch,) = views.validation(7)
    network.eval()
    with torch.no_grad():
        logits, classes = network(views.see(batch, NAMES)), batch.targets.repeat(7)
    network.train()
    found = Unpaired(views, network, NAMES, batch_size).validate()
    assert network.training and network[1].training
    assert found["loss"] == pytest.approx(functional.cross_entropy(logits, classes).item(), rel=1e-5)
    assert found["accuracy"] == pytest.approx((logits.argmax(1) == classes).float().mean().item())


@pytest.mark.parametrize(("n_images", "steps", "used"), [(3, 3, 3), (10, 1, 10), (36, 1, 10)])
def test_paired_steps(network: nn.Module, n_images: int, steps: int, used: int) -> None:
    task = Paired(make(), network, scalars_of(network), n_images)
    assert (task.steps, task.n_images) == (steps, used)


def test_paired_validation_is_the_mean_over_images(network: nn.Module) -> None:
    views, scalars = make(), scalars_of(network)
    with torch.no_grad():
        expected = scalars_in_eval(network, next(views.validation(7)))
    for n_images in (2, 3, 7):
        assert Paired(views, network, scalars, n_images).validate() == {"loss": pytest.approx(expected, rel=1e-5)}
    assert network.training


def scalars_in_eval(network: nn.Module, batch: Batch) -> float:
    network.eval()
    found = scalars_of(network)(batch)["loss"].item()
    network.train()
    return found


def test_an_epoch_may_be_given_its_steps() -> None:
    visits: list[Batch] = []

    def scalars(batch: Batch) -> dict[str, Tensor]:
        visits.append(batch)
        return {"loss": torch.zeros(())}

    task = Paired(make(), nn.Identity(), scalars, 3, at_most=7)  # the data has 3 steps
    assert task.steps == 7
    for step in range(7):
        task.step(0, step)
    assert [batch.epoch for batch in visits] == [0, 0, 0, 1, 1, 1, 2]  # comes again in a new order, with new noise
    for again in (slice(0, 3), slice(3, 6)):
        assert len(torch.cat([batch.where for batch in visits[again]]).unique()) == 9
    visits.clear()
    few = Paired(make(), nn.Identity(), scalars, 3, at_most=2)
    assert few.steps == 2
    few.validate()
    assert [len(batch.targets) for batch in visits] == [3, 3]  # of 7 images
