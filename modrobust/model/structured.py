"""What networks for structured data have in common: replicas, groups of parameters, selections."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from modrobust.dataset.structure import StructuredDataset
from modrobust.model.selection import Logits, Sampling


class StructuredNetwork(nn.Module, ABC):
    """Several networks of one architecture, trained at once. Its `rest` names the group of ordinary weights."""

    rest: str

    @abstractmethod
    def forward(self, x: Tensor, task: Tensor | None = None, sampling: Sampling | None = None) -> Tensor:
        """Logits, float32 (R, B, outputs).

        Args:
            x: vectors float32 (R, B, D), or images float32 (R, B, C, H, W).
            task: int64 (R, B); None where there is one task.
            sampling: how selections are made in training; None in evaluation.
        """

    @property
    def selections(self) -> dict[str, Logits]:
        """The selections that are learned or known, by name."""
        return {module.name: module for module in self.modules() if isinstance(module, Logits)}

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Parameters by what they are: `dense` or `modules`, `inputs`, `locations`; no group is empty."""
        groups: dict[str, list[nn.Parameter]] = {}
        for module in self.modules():
            what = module.name.split()[0] if isinstance(module, Logits) else self.rest
            groups.setdefault(what, []).extend(module.parameters(recurse=False))
        return {what: parameters for what, parameters in groups.items() if parameters}

    def count(self) -> dict[str, int]:
        """How many parameters a replica has: `trained`, and `all` with those of known selections."""
        trained = sum(p[0].numel() for p in self.parameters())
        known = sum(logits.values[0].numel() for logits in self.selections.values() if not logits.learned)
        return {"trained": trained, "all": trained + known}


class Architecture(ABC):
    """A choice of sizes, and of what is known, that a network can be made from once the data is there."""

    @abstractmethod
    def network(self, dataset: StructuredDataset, seeds: Sequence[int]) -> StructuredNetwork:
        """A network for this data, with a replica for each seed of first weights.

        Raises:
            UserError: the architecture does not fit the data.
        """


def shape_of(dataset: StructuredDataset) -> tuple[tuple[int, ...], int]:
    """The shape of one input, (D,) or (C, H, W), and the number of targets."""
    train = dataset.splits["train"]
    return tuple(train.inputs.shape[1:]), train.targets.shape[1]
