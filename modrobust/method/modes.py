"""Evaluation mode and freezing as context managers that restore what they changed."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Within this block the networks are in evaluation mode and nothing records gradients."""
    with _eval_mode(networks), torch.inference_mode():
        yield


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Within this block the networks are in evaluation mode and no gradient of their weights is computed.

    Gradients still pass through them to what comes before.
    """
    learning = [weight for network in networks for weight in network.parameters() if weight.requires_grad]
    for weight in learning:
        weight.requires_grad_(False)
    try:
        with _eval_mode(networks):
            yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)


@contextmanager
def _eval_mode(networks: tuple[nn.Module, ...]) -> Iterator[None]:
    training = [module for network in networks for module in network.modules() if module.training]
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
