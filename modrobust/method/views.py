"""Training batches: which images come in which step, and how they look under each corruption."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.profiler import record_function

from modrobust.corruption.corruption import Corruption, quantize
from modrobust.corruption.draw import Draw
from modrobust.dataset.normalise import STRETCH, normalise
from modrobust.dataset.splits import Augmentation, ImageDataset
from modrobust.device import to_device
from modrobust.method.kept import Kept
from modrobust.seeds import derive

KEEP_BYTES = 2e8  # of images under all corruptions that are kept, where nobody says how much room there is


@dataclass(frozen=True)
class Batch:
    """Clean images of a split, augmented where they are for training.

    Attributes:
        images: uint8 (B, C, H, W).
        targets: classes, int64 (B,).
        index: int64 (B,), keys the random draws of the corruptions.
        where: int64 (B,), their places in the split.
        split: its name.
        epoch: makes the noise new at every visit; None for the same always.
    """

    images: Tensor
    targets: Tensor
    index: Tensor
    where: Tensor
    split: str
    epoch: int | None


class Order(NamedTuple):
    """The steps of an epoch through the elemental sets.

    Attributes:
        images: int64 (steps * batch_size,), places in the split; within a batch they are grouped by corruption.
        which: int64, alike: the corruption of each.
        counts: (steps, corruptions): images under each corruption. On the host.
    """

    images: Tensor
    which: Tensor
    counts: list[list[int]]


class Views:
    """A dataset's images in steps, and under corruptions. What a step needs lies on the device: it waits for nothing.

    Args:
        dataset: its train and valid splits are used.
        corruption: the elemental corruptions.
        seed: of order and augmentation.
        device: where batches are put.
        keep_bytes: memory for images under corruptions with fixed noise; where they need more they are made anew
            each time, and are the same.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        corruption: Corruption,
        seed: int,
        device: torch.device,
        keep_bytes: float = KEEP_BYTES,
    ) -> None:
        self.dataset, self.corruption, self.seed, self.device = dataset, corruption, seed, device
        self._left = keep_bytes
        self._order = lru_cache(maxsize=1)(self._shuffle)
        self._steps = lru_cache(maxsize=1)(self._arrange)
        self._kept = cache(self._keep)

    def _shuffle(self, total: int, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(derive(self.seed, "order", epoch))
        return to_device(torch.randperm(total, generator=generator), self.device)

    def _arrange(self, kinds: int, batch_size: int, epoch: int) -> Order:
        n = len(self.dataset.splits["train"])
        generator = torch.Generator().manual_seed(derive(self.seed, "order", epoch))
        chosen = torch.randperm(kinds * n, generator=generator)
        chosen = chosen[: len(chosen) // batch_size * batch_size].view(-1, batch_size)
        chosen = chosen.gather(1, (chosen // n).argsort(dim=1, stable=True))
        which = chosen // n
        counts = torch.zeros(len(which), kinds, dtype=torch.int64).scatter_add_(1, which, torch.ones_like(which))
        images, kinds_of_images = (to_device(x.flatten(), self.device) for x in (chosen % n, which))
        return Order(images, kinds_of_images, counts.tolist())

    def _keep(self, split: str) -> Kept | None:
        size = Kept.size(self.dataset.splits[split], self.corruption)
        if size > self._left:
            return None
        self._left -= size
        return Kept(self.dataset.splits[split], split, self.corruption, self.device)

    @record_function(STRETCH)
    def see(self, batch: Batch, names: tuple[str, ...]) -> Tensor:
        """The images under each corruption, normalised: float32 (len(names) * B, 3, H, W), view by view."""
        if batch.epoch is None:
            seen = [self._fixed(batch.split, batch.where, name) for name in names]
        else:
            how = batch.split, batch.index, batch.epoch
            seen = [quantize(self.corruption.apply(batch.images, (name,), *how)) for name in names]
        return normalise(torch.cat(seen), self.dataset)

    def _fixed(self, split: str, where: Tensor, name: str) -> Tensor:
        """Images of a split, by their places, under a corruption with fixed noise: uint8."""
        if kept := self._kept(split):
            return kept.block(name)[where.to(self.device)]
        some = self.dataset.splits[split].take(where, self.device)
        return quantize(self.corruption.apply(some.inputs, (name,), split, some.index))

    @record_function(STRETCH)
    def unpaired(self, names: tuple[str, ...], batch_size: int, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """One step through the elemental sets shuffled together: every image comes once under every corruption.

        An image's corruption is the same in every epoch, as if read from a file; crop and flip come after it.

        Returns:
            Normalised images float32 (batch_size, 3, H, W), grouped by corruption, and their classes int64.
        """
        order, here = self._steps(len(names), batch_size, epoch), slice(step * batch_size, (step + 1) * batch_size)
        where, which = order.images[here], order.which[here]
        if kept := self._kept("train"):
            images = kept.take(names, where, which, order.counts[step])
        else:
            by_name = zip(where.split(order.counts[step]), names, strict=True)
            images = torch.cat([self._fixed("train", some, name) for some, name in by_name if len(some)])
        targets, index = self._told
        purposes = tuple(f"augmentation-{name}" for name in names)
        images = self._augmented(images, index[where], purposes, epoch, which)
        return normalise(images, self.dataset), targets[where]

    @cached_property
    def _told(self) -> tuple[Tensor, Tensor]:
        """Classes and index of the training images, on the device."""
        split = self.dataset.splits["train"]
        return split.targets.to(self.device), split.index.to(self.device)

    @record_function(STRETCH)
    def paired(self, n_images: int, epoch: int, step: int) -> Batch:
        """One step through the clean training images; crop and flip come before any corruption."""
        split = self.dataset.splits["train"]
        where = self._order(len(split), epoch)[step * n_images : (step + 1) * n_images]
        some = split.take(where, self.device)
        images = self._augmented(some.inputs, some.index, ("augmentation",), epoch)
        return Batch(images, some.targets, some.index, where, "train", epoch)

    def _augmented(
        self, images: Tensor, index: Tensor, purposes: tuple[str, ...], epoch: int, which: Tensor | None = None
    ) -> Tensor:
        if self.dataset.augmentation == Augmentation():
            return images
        keys = tuple(Draw.purpose_of(self.seed, "train", 0, purpose, epoch) for purpose in purposes)
        draw = Draw(keys, index, which) if which is not None else Draw(keys[0], index)
        return augment(images, self.dataset.augmentation, draw)

    def validation(self, n_images: int) -> Iterator[Batch]:
        """All clean validation images in order, n_images at a time, the last batch perhaps smaller."""
        split = self.dataset.splits["valid"]
        places = torch.arange(len(split), device=self.device)
        for start in range(0, len(split), n_images):
            here = slice(start, start + n_images)
            some = split.take(here, self.device)
            yield Batch(some.inputs, some.targets, some.index, places[here], "valid", None)


def augment(images: Tensor, augmentation: Augmentation, draw: Draw) -> Tensor:
    """Crop and flip each image by its own draw.

    Args:
        images: uint8 (B, C, H, W).
        augmentation: zero padding before the crop back to (H, W), and whether to flip.
        draw: one stream of random numbers for each image.

    Returns:
        uint8 (B, C, H, W).
    """
    batch, _, height, width = images.shape
    padding = augmentation.padding
    uniform = draw.uniform(3)
    offset = (uniform[:, :2] * (2 * padding + 1)).long()  # 0..2*padding
    rows = offset[:, :1] + torch.arange(height, device=images.device)
    columns = offset[:, 1:] + torch.arange(width, device=images.device)
    if augmentation.flip:
        columns = torch.where(uniform[:, 2:] < 0.5, columns.flip(1), columns)
    padded = torch.nn.functional.pad(images, (padding,) * 4)
    which = torch.arange(batch, device=images.device)
    return padded[which[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
