"""The loop that trains a part: what it keeps, what it writes, and when it stops."""

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from command import Command
from torch import Tensor, nn

from modrobust.errors import UserError
from modrobust.method.fit import Training, fit, seed_torch
from modrobust.store.parts import Part, Parts


class Line:
    """Fits y = 2x and some noise with a network of one weight; reports losses it is told to, if any."""

    def __init__(self, network: nn.Linear, losses: list[float] | None = None, valid: list[float] | None = None):
        self.network, self.losses, self.valid = network, losses, valid
        self.steps = 25  # more than between two looks at the loss
        self.taken: list[tuple[int, int]] = []
        self.weights: list[Tensor] = []  # at each validation

    def step(self, epoch: int, step: int) -> dict[str, Tensor]:
        self.taken.append((epoch, step))
        x, noise = torch.randn(2, 4, 1)  # follows from torch's global generator
        loss = (self.network(x) - 2 * x - 0.1 * noise).square().mean()
        if self.losses is not None:
            loss = loss / loss.detach() * self.losses[epoch * self.steps + step]
        return {"loss": loss, "input": x.mean()}

    def validate(self) -> dict[str, float]:
        self.weights.append(self.network.weight.detach().clone())
        return {"loss": self.valid[len(self.weights) - 1] if self.valid else 1 / len(self.weights)}


def train(part: Part, training: Training | None = None, **told: list[float]) -> Line:
    torch.manual_seed(0)
    line = Line(nn.Linear(1, 1, bias=False), **told)
    fit(part, line.network, line, training or training_of(2), lr=0.1)
    return line


def training_of(epochs: int, checkpoint_seconds: float = 60.0) -> Training:
    optimizer = partial(torch.optim.SGD, momentum=0.5)
    schedule = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)
    return Training(epochs, 4, optimizer, schedule, checkpoint_seconds)


@pytest.fixture
def part_of(tmp_path: Path) -> Callable[[str], Part]:
    common: dict[str, Any] = {"dataset": {"name": "d"}, "model": {"name": "m"}, "seed": 0}
    return lambda name: Parts(tmp_path, common, {"seed": 0, "elemental": {}}).part(name, ())


@pytest.fixture
def part(part_of: Callable[[str], Part]) -> Part:
    return part_of("line")


def test_it_learns_and_ends_with_the_weights_it_saved(part: Part) -> None:
    line = train(part)
    weights = part.load()
    assert weights is not None
    assert torch.equal(line.network.weight, weights["weight"])
    assert line.network.weight.item() == pytest.approx(2, abs=0.1)
    assert line.taken == [(epoch, step) for epoch in range(2) for step in range(25)]


def test_the_best_validation_loss_chooses_the_weights(part: Part) -> None:
    line = train(part, training_of(4), valid=[0.9, 0.3, 0.3, 0.5])
    assert torch.equal(line.network.weight, line.weights[1])
    status = json.loads((part.folder / "status.json").read_text())
    assert (status["best_epoch"], status["best_valid_loss"], status["epochs"]) == (2, 0.3, 4)


def test_a_finished_part_is_read(part: Part) -> None:
    first, second = train(part), train(part)
    assert second.taken == []
    assert torch.equal(second.network.weight, first.network.weight)


def test_learning_curve(part: Part) -> None:
    losses = [float(k) for k in range(50)]
    train(part, losses=losses, valid=[0.5, 0.25])
    first, second = part.curve()
    assert (first["part"], first["epoch"], first["lr"], second["lr"]) == ("line", 1, 0.1, 0.05)
    assert (first["loss"], second["loss"]) == (12, 37)
    assert (first["valid_loss"], second["valid_loss"]) == (0.5, 0.25)
    assert first.keys() == {"part", "epoch", "lr", "loss", "input", "valid_loss", "seconds"}


def test_how_often_it_is_saved_changes_nothing(part_of: Callable[[str], Part], tmp_path: Path) -> None:
    often = train(part_of("line"), training_of(2, checkpoint_seconds=0))
    for path in (part_of("line").folder).iterdir():
        path.unlink()
    seldom = train(part_of("line"))
    assert torch.equal(often.network.weight, seldom.network.weight)
    assert sorted(path.name for path in part_of("line").folder.iterdir()) == [
        *(".lock", "depends.json", "metrics.jsonl", "status.json", "weights.safetensors")
    ]


def test_draws_follow_from_part_and_seed(part_of: Callable[[str], Part]) -> None:
    one, other = train(part_of("line")), train(part_of("other"))
    assert not torch.equal(one.network.weight, other.network.weight)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
@pytest.mark.parametrize("checkpoint_seconds", [0, 60])
@pytest.mark.parametrize("k, place", [(0, "batch 1 of 25, epoch 1"), (32, "batch 8 of 25, epoch 2")])
def test_a_loss_that_is_not_finite(part: Part, wrong: float, checkpoint_seconds: float, k: int, place: str) -> None:
    losses = [1.0] * k + [wrong] + [1.0] * (50 - k)
    with pytest.raises(UserError) as error:
        train(part, training_of(2, checkpoint_seconds), losses=losses)
    rate = "0.1" if k == 0 else "0.05"
    assert f"line: the training loss is {wrong} in {place}, learning rate {rate};" in str(error.value)
    state = part.load_checkpoint()  # what was saved before is sound
    assert state is None or all(weight.isfinite().all() for weight in state["network"].values())
    assert (state is not None) == (checkpoint_seconds == 0 and k > 0)


def test_a_validation_loss_that_is_not_finite(part: Part) -> None:
    with pytest.raises(UserError, match=r"the validation loss is nan after the last batch, epoch 2, learning rate"):
        train(part, valid=[1.0, math.nan])


def test_a_run_that_diverges_fails(modrobust: Command) -> None:
    failed = modrobust("method.lr=1e30")
    assert failed.code == 1
    (line,) = failed.stderr.splitlines()
    assert line.startswith("modrobust: classifier: the training loss is nan in batch ")
    assert "of 8, epoch 1, learning rate 1e+30; a smaller learning rate may help." in line
    assert modrobust.status()["state"] == "failed"
    assert f"modrobust: {modrobust.status()['error']}" == line
    assert "Traceback" in modrobust.log()


def test_a_step_is_seeded_as_torch_does_it() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    seed_torch(7)
    assert torch.equal(torch.rand(3), expected)
