"""What every method is given: the data, the corruptions, a network to build, how and where to train."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from modrobust.corruption.corruption import Corruption
from modrobust.dataset.splits import Dataset, ImageDataset
from modrobust.dataset.structure import StructuredDataset
from modrobust.errors import UserError
from modrobust.method.fit import Training
from modrobust.method.views import Views
from modrobust.model.network import Network
from modrobust.model.structured import Architecture, StructuredNetwork
from modrobust.seeds import derive
from modrobust.store.parts import Part, Parts

Built = TypeVar("Built", bound=nn.Module)

Predictor = Callable[[Tensor, tuple[str, ...]], dict[str, tuple[Tensor, Tensor]]]
"""(normalised images float32 (B, 3, H, W), their composition) -> for each variant of the method
(logits (B, classes), penultimate features (B, units))."""


@dataclass(frozen=True)
class Experiment:
    """Everything a method needs; it never sees the configuration.

    Attributes:
        data: its splits; train and valid lie on the device where they fit.
        corruption: the elemental corruptions and their random draws.
        build: makes the network, with weights drawn from torch's global generator; or an `Architecture`.
        training: epochs, batch size, optimiser.
        parts: where trained pieces are kept.
        seed: of this run.
        device: where networks live.
        cache_gb: memory for features of frozen networks, in 10^9 bytes.
        replicas: networks that are trained as one batch, with seeds from `seed` upwards.
        pictures: labelled rows of images uint8 (n, C, H, W); each goes to <name>.png and .npz in the run's folder.
        tables: what a method found besides its networks; each is written to <name>.csv in the run's folder.
        arrays: the same; each is written to <name>.npz.
    """

    data: Dataset
    corruption: Corruption
    build: Callable[[], Any]
    training: Training
    parts: Parts
    seed: int
    device: torch.device
    cache_gb: float
    replicas: int = 1
    pictures: dict[str, list[tuple[str, Tensor]]] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    arrays: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)

    @property
    def dataset(self) -> ImageDataset:
        """The data, which is images with classes. Raises UserError where it is not."""
        if not isinstance(self.data, ImageDataset):
            raise UserError(f"dataset={self.data.name} has no images with classes: it goes with method=supervised.")
        if self.replicas > 1:
            raise UserError(f"replicas={self.replicas}: only method=supervised trains several; use -m seed=0,1,...")
        return self.data

    @property
    def structured(self) -> StructuredDataset:
        """The data, whose targets are bits. Raises UserError where they are not."""
        if not isinstance(self.data, StructuredDataset):
            allowed = "boolean, mnist_pairs and digit_pairs"
            raise UserError(f"dataset={self.data.name} has classes: method=supervised is for {allowed}.")
        if self.corruption.names:
            raise UserError(f"dataset={self.data.name}: choose corruption=input_noise or none; others need images.")
        return self.data

    @property
    def seeds(self) -> list[int]:
        """Those of the replicas, from the run's own upwards."""
        return list(range(self.seed, self.seed + self.replicas))

    @property
    def elemental(self) -> tuple[str, ...]:
        """Identity and the elemental corruptions, in base order."""
        return ("Identity", *self.corruption.names)

    def network(self, part: Part) -> Network:
        """A new network whose first weights follow from the seed and the part's name."""
        return self.fresh(part, self.probe)

    def structured_network(self, part: Part) -> StructuredNetwork:
        """A new network for structured data, each replica's first weights drawn for this part and its seed."""
        architecture = self.build()
        if not isinstance(architecture, Architecture):
            allowed = "mlp, cnn, modular, modular_known, shared_modular and shared_modular_known"
            raise UserError(f"model: dataset={self.data.name} goes with {allowed}.")
        return architecture.network(self.structured, [derive(seed, part.name, "init") for seed in self.seeds])

    def fresh(self, part: Part, build: Callable[[], Built]) -> Built:
        """What `build` makes, on the device, its first weights drawn for this part."""
        torch.manual_seed(derive(self.seed, part.name, "init"))
        return build().to(self.device)

    def probe(self) -> Network:
        """A network to ask about its levels, modules and autoencoder, not to train."""
        network = self.build()
        if not isinstance(network, Network):
            raise UserError(f"model: dataset={self.dataset.name} goes with a classifier of images, such as small_cnn.")
        return network

    def views(self) -> Views:
        """The images in steps and under corruptions."""
        return Views(self.dataset, self.corruption, self.seed, self.device)
