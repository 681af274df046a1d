"""Optimizers without torch's compiler: the same numbers as torch's own, and nothing of it imported."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from modrobust.method.optimizer import uncompiled

KINDS = (torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop, torch.optim.AdamW)
TRAINED = """
import sys, torch
from modrobust.method.optimizer import uncompiled
weight = torch.nn.Parameter(torch.ones(2))
optimizer = uncompiled(torch.optim.Adam([weight]))
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
optimizer.zero_grad()
weight.sum().backward()
optimizer.step()
schedule.step()
optimizer.load_state_dict(optimizer.state_dict())
assert weight.detach().lt(1).all()
sys.exit("torch._dynamo" in sys.modules)
"""


def trained(kind: type[torch.optim.Optimizer], plain: bool) -> Tensor:
    weight = nn.Parameter(torch.linspace(-1, 1, 7))
    optimizer = kind([weight], lr=0.1, weight_decay=0.01)  # type: ignore[call-arg]
    for _ in range(3):
        optimizer.zero_grad()
        (weight**3).sum().backward()
        (optimizer if plain else uncompiled(optimizer)).step()
    assert weight.requires_grad
    return weight.detach()


@pytest.mark.parametrize("kind", KINDS)
def test_same_numbers(kind: type[torch.optim.Optimizer]) -> None:
    assert torch.equal(trained(kind, plain=True), trained(kind, plain=False))


def test_compiler_is_not_imported() -> None:
    subprocess.run([sys.executable, "-c", TRAINED], check=True)


def test_other_optimizers_are_left_alone() -> None:
    class Own(torch.optim.SGD):
        pass

    optimizer = Own([nn.Parameter(torch.zeros(1))], lr=0.1)
    assert "step" not in vars(uncompiled(optimizer))
