"""What every method is given: the data, the corruptions, a network to build, how and where to train."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from modrobust.corruption.corruption import Corruption
from modrobust.dataset.splits import ImageDataset
from modrobust.method.fit import Training
from modrobust.method.views import Views
from modrobust.model.network import Network
from modrobust.parts import Part, Parts
from modrobust.seeds import derive

Built = TypeVar("Built", bound=nn.Module)

Predictor = Callable[[Tensor, tuple[str, ...]], dict[str, tuple[Tensor, Tensor]]]
"""(normalised images float32 (B, 3, H, W), their composition) -> for each variant of the method
(logits (B, classes), penultimate features (B, units))."""


@dataclass(frozen=True)
class Experiment:
    """Everything a method needs; it never sees the configuration.

    Attributes:
        dataset: its splits; train and valid lie on the device where they fit.
        corruption: the elemental corruptions and their random draws.
        build: makes the network, with weights drawn from torch's global generator.
        training: epochs, batch size, optimiser.
        parts: where trained pieces are kept.
        seed: of this run.
        device: where networks live.
        cache_gb: memory for features of frozen networks, in 10^9 bytes.
        pictures: labelled rows of images uint8 (n, C, H, W); each is drawn to <name>.png in the run's folder.
        tables: what a method found besides its networks; each is written to <name>.csv in the run's folder.
    """

    dataset: ImageDataset
    corruption: Corruption
    build: Callable[[], Network]
    training: Training
    parts: Parts
    seed: int
    device: torch.device
    cache_gb: float
    pictures: dict[str, list[tuple[str, Tensor]]] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def elemental(self) -> tuple[str, ...]:
        """Identity and the elemental corruptions, in base order."""
        return ("Identity", *self.corruption.names)

    def network(self, part: Part) -> Network:
        """A new network whose first weights follow from the seed and the part's name."""
        return self.fresh(part, self.build)

    def fresh(self, part: Part, build: Callable[[], Built]) -> Built:
        """What `build` makes, on the device, its first weights drawn for this part."""
        torch.manual_seed(derive(self.seed, part.name, "init"))
        return build().to(self.device)

    def probe(self) -> Network:
        """A network to ask about its levels, modules and autoencoder, not to train."""
        return self.build()

    def views(self) -> Views:
        """The images in steps and under corruptions."""
        return Views(self.dataset, self.corruption, self.seed, self.device)
