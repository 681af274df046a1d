"""What every method is given: the data, the corruptions, a network to build, how and where to train."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

from modrobust.corruption.corruption import Corruption
from modrobust.dataset.splits import Dataset, ImageDataset
from modrobust.dataset.structure import StructuredDataset
from modrobust.errors import UserError
from modrobust.method.fit import Training
from modrobust.method.made import Made, Predictor
from modrobust.method.views import KEEP_BYTES, Views
from modrobust.model.network import Network
from modrobust.model.structured import Architecture, StructuredNetwork
from modrobust.numerics import Numerics
from modrobust.seeds import derive
from modrobust.store.parts import Part, Parts

Built = TypeVar("Built", bound=nn.Module)


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
        numerics: how networks compute.
        keep_bytes: memory for images under corruptions with fixed noise.
    """

    data: Dataset
    corruption: Corruption
    build: Callable[[], object]
    training: Training
    parts: Parts
    seed: int
    device: torch.device
    cache_gb: float
    replicas: int = 1
    numerics: Numerics = field(default_factory=Numerics)
    keep_bytes: float = KEEP_BYTES

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

    def images_a_step(self, views: int) -> int:
        """How many images a batch has of which it holds so many views each. Raises UserError where none fits."""
        if self.training.batch_size < views:
            raise UserError(
                f"training.batch_size={self.training.batch_size}: a batch holds {views} views of an image, "
                f"at least {views} is needed."
            )
        return self.training.batch_size // views

    def network(self, part: Part) -> Network:
        """A new network whose first weights follow from the seed and the part's name."""
        return self.fresh(part, self.probe)

    def structured_network(self, part: Part, seeds: Sequence[int]) -> StructuredNetwork:
        """A new network for structured data, each replica's first weights drawn for this part and its seed."""
        architecture = self.build()
        if not isinstance(architecture, Architecture):
            allowed = "mlp, cnn, modular, modular_known, shared_modular and shared_modular_known"
            raise UserError(f"model: dataset={self.data.name} goes with {allowed}.")
        return architecture.network(self.structured, [derive(seed, part.name, "init") for seed in seeds])

    def fresh(self, part: Part, build: Callable[[], Built]) -> Built:
        """What `build` makes, on the device, its first weights drawn for this part."""
        torch.manual_seed(derive(self.seed, part.name, "init"))
        return self.numerics.ready(build().to(self.device))

    def probe(self) -> Network:
        """A network to ask about its levels, modules and autoencoder, not to train."""
        network = self.build()
        if not isinstance(network, Network):
            raise UserError(f"model: dataset={self.dataset.name} goes with a classifier of images, such as small_cnn.")
        return network

    def divided(self) -> Network:
        """As `probe`, for methods that need levels. Raises UserError where the network has none."""
        network = self.probe()
        if network.undivided:
            raise UserError(
                f"model: this network has no levels, for {network.undivided}. "
                "Methods that need none: cross_entropy, img_space."
            )
        return network

    def views(self) -> Views:
        """The images in steps and under corruptions; all parts share them, and what they keep."""
        return self._views

    @cached_property
    def _views(self) -> Views:
        return Views(self.dataset, self.corruption, self.seed, self.device, self.keep_bytes)


@runtime_checkable
class Method(Protocol):
    """What a method's YAML makes."""

    def train(self, experiment: Experiment) -> Made | Predictor:
        """Train its parts, or read those that are finished. A predictor alone stands for a `Made` of nothing else."""
