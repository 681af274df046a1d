"""Networks that know nothing of a task's structure: an mlp, which can be pruned, and a cnn for images."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from modrobust.dataset.structure import StructuredDataset
from modrobust.errors import UserError
from modrobust.model.replicas import Cnns, Linear, Mlps, generators
from modrobust.model.selection import Sampling
from modrobust.model.structured import Architecture, StructuredNetwork, shape_of

OF_VECTORS = (36, 36, 36)  # hidden units (published)
OF_IMAGES = (256, 128, 36, 36, 36, 36)


@dataclass(frozen=True)
class Mlp(Architecture):
    """Linear layers with ReLU in between.

    Attributes:
        hidden: units of the hidden layers; None: those of the study, for vectors or for images.
        pruning: percentile of random scores, 0..100: weights at or under it are fixed at zero, and biases of units
            that lose all their weights; each replica has its own. 0 for none.
        task_input: where there are several tasks, how the network is told: one_hot or number.
    """

    hidden: Sequence[int] | None
    pruning: float
    task_input: str

    def network(self, dataset: StructuredDataset, seeds: Sequence[int]) -> "MlpNetwork":
        """See `Architecture`."""
        if not 0 <= self.pruning <= 100:
            raise UserError(f"model.pruning={self.pruning}: a percentile from 0 to 100 is needed.")
        if self.task_input not in ("one_hot", "number"):
            raise UserError(f"model.task_input={self.task_input}: allowed are one_hot and number.")
        shape, n_out = shape_of(dataset)
        tasks = 0 if dataset.tasks == 1 else dataset.tasks if self.task_input == "one_hot" else 1
        n_in = int(torch.Size(shape).numel()) + tasks
        hidden = self.hidden if self.hidden is not None else OF_IMAGES if len(shape) == 3 else OF_VECTORS
        return MlpNetwork(seeds, [n_in, *hidden, n_out], tasks, self.pruning)


class MlpNetwork(StructuredNetwork):
    """See `Mlp`. `tasks` is how many inputs tell the task: none, one that is its number, or one for each."""

    rest = "dense"

    def __init__(self, seeds: Sequence[int], sizes: Sequence[int], tasks: int, pruning: float) -> None:
        super().__init__()
        draws = generators(seeds)
        self.tasks, self.mlps = tasks, Mlps(draws, 1, sizes)
        self.pruned = 0
        if pruning:
            self._prune(draws, pruning)

    def _prune(self, draws: list[torch.Generator], percentile: float) -> None:
        """Set weights and biases to zero, and keep them there."""
        layers = [layer for layer in self.mlps.layers if isinstance(layer, Linear)]
        sizes = [layer.weight[0].numel() for layer in layers]
        scores = torch.stack([torch.rand(sum(sizes), generator=draw) for draw in draws])
        keep = scores > scores.quantile(percentile / 100, dim=1, keepdim=True)
        for layer, some in zip(layers, keep.split(sizes, 1), strict=True):
            weight = some.view_as(layer.weight)
            for parameter, mask in ((layer.weight, weight), (layer.bias, weight.any(-2, keepdim=True))):
                set_mask(parameter, mask)
                self.pruned += int((~mask[0]).sum())

    def count(self) -> dict[str, int]:
        """See `StructuredNetwork`; of the first replica, pruned ones are not trained."""
        count = super().count()
        return {**count, "trained": count["trained"] - self.pruned}

    def forward(self, x: Tensor, task: Tensor | None = None, sampling: Sampling | None = None) -> Tensor:
        """See `StructuredNetwork`."""
        x = x.flatten(2)
        if task is not None:
            told = functional.one_hot(task, self.tasks) if self.tasks > 1 else task[..., None]
            x = torch.cat([x, told.to(x.dtype)], -1)
        return self.mlps(x[:, None])[:, 0]


def set_mask(parameter: torch.nn.Parameter, mask: Tensor) -> None:
    """Set a parameter to zero where the mask (the same shape) is false, and keep it there."""
    with torch.no_grad():
        parameter.mul_(mask)
    parameter.register_hook(lambda gradient: gradient * mask.to(gradient.device))


@dataclass(frozen=True)
class Cnn(Architecture):
    """Convolutions over the images of an input as channels, then linear layers.

    Attributes:
        channels: of the convolutions (5x5, each with ReLU and 2x2 max-pooling).
        hidden: units of the hidden linear layers.
    """

    channels: Sequence[int]
    hidden: Sequence[int]

    def network(self, dataset: StructuredDataset, seeds: Sequence[int]) -> "CnnNetwork":
        """See `Architecture`."""
        shape, n_out = shape_of(dataset)
        if len(shape) != 3 or dataset.tasks > 1:
            raise UserError(f"model=cnn is for one task on images; dataset={dataset.name} goes with model=mlp.")
        return CnnNetwork(seeds, shape, self.channels, [*self.hidden, n_out])


class CnnNetwork(StructuredNetwork):
    """See `Cnn`."""

    rest = "dense"

    def __init__(
        self, seeds: Sequence[int], shape: tuple[int, ...], channels: Sequence[int], sizes: Sequence[int]
    ) -> None:
        super().__init__()
        self.cnns = Cnns(generators(seeds), 1, shape[1], [shape[0], *channels], sizes)

    def forward(self, x: Tensor, task: Tensor | None = None, sampling: Sampling | None = None) -> Tensor:
        """See `StructuredNetwork`."""
        return self.cnns(x[:, None])[:, 0]
