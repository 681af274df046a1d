"""Several networks for each seed, of which the one that fits the training rows best is kept."""

from collections.abc import Sequence

import torch
from torch import Tensor

from modrobust.model.structured import StructuredNetwork
from modrobust.seeds import derive


def draws(seeds: Sequence[int], restarts: int) -> list[int]:
    """The seed of each network's first weights, order and noise; the first of a seed is what it would have alone."""
    return [seed if i == 0 else derive(seed, "restart", i) for seed in seeds for i in range(restarts)]


def best(losses: Tensor, restarts: int) -> list[int]:
    """The network of each seed that has the smallest loss, by its place among all; of equal ones the first.

    Args:
        losses: (seeds * restarts,), of the training rows.
    """
    places = losses.nan_to_num(torch.inf).view(-1, restarts).argmin(1)
    return [restarts * i + place for i, place in enumerate(places.tolist())]


def take(replicas: Sequence[int], every: StructuredNetwork, some: StructuredNetwork) -> None:
    """Give a network of some replicas the weights that they have in a network of all."""
    some.load_state_dict({name: values[list(replicas)] for name, values in every.state_dict().items()})
