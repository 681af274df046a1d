"""Structured data without content, and architectures as they are configured, for tests of networks."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from composed import composed
from hydra.utils import get_object

from modrobust.config.identity import plain, unnamed
from modrobust.dataset.boolean import boolean
from modrobust.dataset.pairs import STRUCTURE
from modrobust.dataset.splits import Split
from modrobust.dataset.structure import StructuredDataset
from modrobust.model.structured import StructuredNetwork


@cache
def vectors(graph: str = "[6, 3, 2, 2]", tasks: int | None = None) -> StructuredDataset:
    """Boolean functions."""
    settings: dict[str, Any] = {"gates": None, "inputs": 6, "train_fraction": 0.5, "split_seed": 40}
    return boolean(Path(), name="boolean", graph=graph, tasks=tasks, **settings)


@cache
def images(tasks: int = 1) -> StructuredDataset:
    """Two pairs of black images of MNIST's size; the structure is that of one task."""
    task = torch.arange(2) % tasks if tasks > 1 else None
    train = Split(torch.zeros(2, 2, 28, 28, dtype=torch.uint8), torch.zeros(2, 2), torch.arange(2), task)
    return StructuredDataset("mnist_pairs", {"train": train}, STRUCTURE if tasks == 1 else None, tasks)


@cache
def _configured(model: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """What makes an architecture, and its settings."""
    settings = plain(unnamed(composed("dataset=boolean", f"model={model}").model))
    return get_object(settings.pop("_target_")), settings


def network(model: str, dataset: StructuredDataset, *seeds: int, **changes: Any) -> StructuredNetwork:
    """A network of conf/model, some settings changed; with seed 0 alone where there is none."""
    make, settings = _configured(model)
    made: StructuredNetwork = make(**{**settings, **changes}).network(dataset, seeds or (0,))
    return made
