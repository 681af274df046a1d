"""Data with a known modular structure: which modules compute the targets, and what each takes as inputs."""

from collections.abc import Callable
from dataclasses import dataclass

from modrobust.dataset.splits import Dataset, Split


@dataclass(frozen=True)
class Structure:
    """The true modules of a task, layer by layer.

    Attributes:
        inputs: for each layer and each of its modules, the places of the module's inputs among the outputs of the
            layer before, in order; of the first layer among the inputs of the network (for images, the images).
        outputs: the places of the targets among the outputs of the last layer, in order.
        functions: for each layer and each of its modules, which function it computes: equal numbers, equal
            functions. Numbers go on from layer to layer; image modules are numbered by themselves.
        image_outputs: how many outputs each module of the first layer has, where that takes whole images; 0 where
            the inputs are vectors.
    """

    inputs: tuple[tuple[tuple[int, ...], ...], ...]
    outputs: tuple[int, ...]
    functions: tuple[tuple[int, ...], ...]
    image_outputs: int = 0


@dataclass(frozen=True)
class StructuredDataset(Dataset):
    """Vectors or groups of images, and targets that are bits.

    Attributes:
        splits: inputs are float32 (N, D), or uint8 (N, images, H, W); targets are float32 (N, B) of 0 and 1.
        structure: None where there is none to be known: random tables, several tasks.
        tasks: how many tasks there are; where there are several, splits have `task`.
        mean, std: of pixels in 0..1, for normalisation; not used for vectors.
        resplit: the splits of a seed, all of the same sizes, where every seed has its own; `splits` are those of
            seed 0 then. None where all seeds have the same.
    """

    structure: Structure | None
    tasks: int = 1
    mean: float = 0.0
    std: float = 1.0
    resplit: Callable[[int], dict[str, Split]] | None = None

    def splits_of(self, seed: int) -> dict[str, Split]:
        """The splits that a run of this seed has."""
        return self.splits if self.resplit is None else self.resplit(seed)
