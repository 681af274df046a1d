"""What is recorded of structured networks while they train: learning curves, and which inputs their modules hold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from modrobust.model.found import held
from modrobust.model.structured import StructuredNetwork


class Recorded(nn.Module):
    """A network with what is recorded of it, which is saved and resumed with it.

    Attributes:
        curves: float32 (epochs, splits, 2, R): loss, accuracy (0..1); of the training split the means of the epoch's
            batches.
        running: float32 (2, R): their sums in the current epoch.
        routing: int16 (records, R, numbers): the inputs that modules hold after every so many epochs; only where asked.
    """

    curves: Tensor
    running: Tensor
    routing: Tensor

    def __init__(self, network: StructuredNetwork, epochs: int, splits: int, replicas: int, every: int) -> None:
        """Make room.

        Args:
            every: epochs from one record of the routing to the next; 0 for none.
        """
        super().__init__()
        self.network, self.every = network, every if network.selections else 0
        self.register_buffer("curves", torch.full((epochs, splits, 2, replicas), torch.nan))
        self.register_buffer("running", torch.zeros(2, replicas))
        if self.every:
            numbers = sum(inputs[0].numel() for inputs in held(network).values())
            self.register_buffer("routing", torch.zeros(epochs // every, replicas, numbers, dtype=torch.int16))

    def end_epoch(self, epoch: int) -> None:
        """Record the routing, where it is time. Args: epoch: from 0."""
        if self.every and (epoch + 1) % self.every == 0:
            inputs = [some.flatten(1) for some in held(self.network).values()]
            self.routing[epoch // self.every] = torch.cat(inputs, 1).short().to(self.routing.device)

    def routes(self, replicas: Sequence[int], seeds: Sequence[int]) -> dict[str, dict[str, NDArray[Any]]]:
        """For `Made.arrays`: routing, int16 (records, R, tasks, places, inputs) by layer; empty where none is recorded.

        Args:
            replicas: of which.
            seeds: what these are called.
        """
        if not self.every:
            return {}
        of = {layer: inputs.shape[1:] for layer, inputs in held(self.network).items()}
        parts = self.routing[:, list(replicas)].cpu().split([shape.numel() for shape in of.values()], -1)
        layers = {
            name: part.unflatten(-1, shape).numpy() for (name, shape), part in zip(of.items(), parts, strict=True)
        }
        epochs = self.every * (1 + np.arange(len(self.routing)))
        return {"routing": {**layers, "epochs": epochs, "seeds": np.array(seeds)}}
