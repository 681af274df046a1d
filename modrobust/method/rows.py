"""Rows of structured data for several seeds at once: shared by all replicas, or each with a split of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from modrobust.dataset.splits import Split
from modrobust.dataset.structure import StructuredDataset


@dataclass(frozen=True)
class Rows:
    """A split of each replica; the first dimension is 1 where all have the same.

    Attributes:
        inputs: vectors float32 (R or 1, n, D), or images uint8 (R or 1, n, C, H, W).
        targets: bits float32 (R or 1, n, B).
        task: int64 (R or 1, n); None where there is one task.
        mean, std: of pixels in 0..1.
    """

    inputs: Tensor
    targets: Tensor
    task: Tensor | None
    mean: float
    std: float

    def __len__(self) -> int:
        return self.targets.shape[1]

    def at(self, places: Tensor) -> "Rows":
        """Rows by their places, int64 (R, B)."""
        replica = torch.arange(len(places), device=places.device)[:, None]
        if len(self.targets) == 1:
            replica = torch.zeros_like(replica)
        task = None if self.task is None else self.task[replica, places]
        return Rows(self.inputs[replica, places], self.targets[replica, places], task, self.mean, self.std)

    def slice(self, start: int, stop: int) -> "Rows":
        """Rows start..stop of every replica."""
        task = None if self.task is None else self.task[:, start:stop]
        return Rows(self.inputs[:, start:stop], self.targets[:, start:stop], task, self.mean, self.std)

    def seen(self, replicas: int) -> tuple[Tensor, Tensor | None]:
        """What networks see, for each replica: float32 (R, n, ...), images normalised; and the tasks (R, n)."""
        x = self.inputs
        if x.dtype == torch.uint8:
            x = ((x.float() / 255) - self.mean) / self.std
        task = None if self.task is None else self.task.expand(replicas, -1)
        return x.expand(replicas, *x.shape[1:]), task


def rows_of(dataset: StructuredDataset, seeds: Sequence[int], device: torch.device) -> dict[str, Rows]:
    """The rows of every split of a dataset, on a device."""
    splits = [dataset.splits] if dataset.resplit is None else [dataset.splits_of(seed) for seed in seeds]

    def stack(name: str) -> Rows:
        each: list[Split] = [one[name].to(device) for one in splits]
        tasks = [split.task for split in each if split.task is not None]
        task = torch.stack(tasks) if tasks else None
        inputs, targets = (torch.stack([getattr(s, what) for s in each]) for what in ("inputs", "targets"))
        return Rows(inputs, targets, task, dataset.mean, dataset.std)

    return {name: stack(name) for name in dataset.splits}
