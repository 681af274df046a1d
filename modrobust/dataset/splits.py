"""The contract every dataset fulfils: named splits of inputs, targets and a stable index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from modrobust.dataset.corrupted import Corrupted


@dataclass(frozen=True)
class Split:
    """Examples that are used together.

    Attributes:
        inputs: images as uint8 (N, C, H, W), 0..255, grey as C = 1, in memory or memory-mapped;
            or vectors as float32 (N, D).
        targets: classes as int64 (N,), or bits as float32 (N, B).
        index: int64 (N,), an example's position in its source. It keys the example's random draws, so
            that an image has the same noise whatever subset, batch, shard or order it comes in.
        task: int64 (N,), which task an example belongs to, where there are several.
    """

    inputs: Tensor
    targets: Tensor
    index: Tensor
    task: Tensor | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, where: Tensor | slice, device: torch.device | str) -> "Split":
        """Some examples, chosen by their places in the split, on a device."""
        if isinstance(where, Tensor):
            where = where.to(self.inputs.device)
        task = None if self.task is None else self.task[where].to(device)
        return Split(self.inputs[where].to(device), self.targets[where].to(device), self.index[where].to(device), task)

    def to(self, device: torch.device | str) -> "Split":
        """All examples on a device."""
        return self.take(slice(None), device)


@dataclass(frozen=True)
class Augmentation:
    """What training images go through: a random crop of the zero-padded image, a horizontal flip.

    Attributes:
        padding: black pixels added at every side before the crop back to the original size; 0 for no crop.
        flip: whether to mirror left and right with probability one half.
    """

    padding: int = 0
    flip: bool = False


@dataclass(frozen=True)
class Dataset:
    """Named splits: train, valid, test; or test_seen and test_unseen in place of the last.

    Attributes:
        name: in results and folder names.
        splits: by their names.
        files: that it was read from, or folders of such; none where it is made without; None where that is not known.
    """

    name: str
    splits: dict[str, Split]
    files: tuple[Path, ...] | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class ImageDataset(Dataset):
    """Classified images.

    Attributes:
        num_classes: targets are 0..num_classes-1.
        mean, std: per channel (three values) of images in 0..1, for normalisation.
        augmentation: applied to training images only.
        image_size: height and width in pixels; a single number, when it is made, stands for a square.
        classes: their names, where they are known.
        corrupted: published corrupted images of the test split, where the user has them and asks for them.
        notes: what else the record of a run says of the data, as plain values: how it was divided, say.
    """

    num_classes: int
    image_size: tuple[int, int]
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    augmentation: Augmentation = field(default_factory=Augmentation)
    classes: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    corrupted: Corrupted | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_size", height_width(self.image_size))


def height_width(size: int | Sequence[int]) -> tuple[int, int]:
    """The height and width that a size means: [height, width], or one number for both."""
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)
