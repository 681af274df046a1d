"""Evaluation mode as a context manager that restores what it changed."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Within this block the networks are in evaluation mode and nothing records gradients."""
    training = [[module for module in network.modules() if module.training] for network in networks]
    for network in networks:
        network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for modules in training:
            for module in modules:
                module.training = True
