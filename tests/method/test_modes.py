"""Freezing and evaluation mode restore what they changed."""

import pytest
import torch
from torch import nn

from modrobust.method.modes import evaluating, frozen


@pytest.fixture
def network() -> nn.Sequential:
    """In training mode but for the dropout; of its weights, the first layer's bias does not learn."""
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    network[2].eval()
    network[0].bias.requires_grad_(False)
    return network


def state(network: nn.Module) -> tuple[list[bool], list[bool]]:
    return [m.training for m in network.modules()], [p.requires_grad for p in network.parameters()]


def test_frozen_has_no_weight_gradients_but_lets_them_through(network: nn.Sequential) -> None:
    before, inputs = state(network), torch.randn(5, 4, requires_grad=True)
    weights = {name: x.clone() for name, x in network.state_dict().items()}
    with frozen(network):
        assert not any(map(any, state(network)))
        network(inputs).sum().backward()
    assert inputs.grad is not None and inputs.grad.any()
    assert all(p.grad is None for p in network.parameters())
    assert all(torch.equal(x, weights[name]) for name, x in network.state_dict().items())  # statistics, too
    assert state(network) == before


def test_evaluating_records_nothing(network: nn.Sequential) -> None:
    before = state(network)
    with evaluating(network):
        assert state(network)[0] == [False] * 4
        assert not network(torch.randn(5, 4)).requires_grad
        assert torch.is_inference_mode_enabled()
    assert state(network) == before and not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("mode", [evaluating, frozen])
def test_errors_restore_as_well(network: nn.Sequential, mode: type) -> None:
    before, other = state(network), nn.Linear(1, 1)
    with pytest.raises(RuntimeError), mode(network, other):
        raise RuntimeError
    assert state(network) == before and state(other) == ([True], [True, True])
