"""What tests of several packages share."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

SHARED = ("slurm", "browser")  # fixtures of which one machine has one


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With -n 2 --dist loadgroup, tests that share a Slurm or a browser go to the same process."""
    for item in items:
        for name in SHARED:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def fill() -> Callable[[nn.Module, int], None]:
    """Sets a network's parameters and statistics as those of the golden values: (network, tag)."""

    def fill(network: nn.Module, tag: int) -> None:
        tensors = {name: x for name, x in network.state_dict().items() if x.is_floating_point()}
        for k, (name, x) in enumerate(tensors.items()):
            draw = np.random.RandomState(1000 * tag + k).standard_normal(x.numel())
            if name.endswith("running_var"):
                draw = 1 + 0.1 * abs(draw)
            elif x.ndim > 1:
                draw *= np.sqrt(2 / (x.numel() / len(x)))
            else:
                draw = 0.1 * draw + name.endswith("weight")
            x.copy_(torch.from_numpy(draw).view_as(x))

    return fill
