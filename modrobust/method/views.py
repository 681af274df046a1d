"""Training batches: which images come in which step, and how they look under each corruption."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import torch
from torch import Tensor

from modrobust.corruption.corruption import Corruption, quantize
from modrobust.corruption.draw import Draw
from modrobust.dataset.normalise import normalise
from modrobust.dataset.splits import Augmentation, ImageDataset
from modrobust.seeds import derive

STORED_BYTES = 2e8  # of images under all corruptions that are kept, where their noise is fixed


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


class Views:
    """A dataset's images in steps, and under corruptions.

    Args:
        dataset: its train and valid splits are used.
        corruption: the elemental corruptions.
        seed: of order and augmentation.
        device: where batches are put.
    """

    def __init__(self, dataset: ImageDataset, corruption: Corruption, seed: int, device: torch.device) -> None:
        self.dataset, self.corruption, self.seed, self.device = dataset, corruption, seed, device
        self._order = lru_cache(maxsize=1)(self._shuffle)
        self._corrupted = cache(self._corrupt)

    def _shuffle(self, total: int, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(derive(self.seed, "order", epoch))
        return torch.randperm(total, generator=generator)

    def see(self, batch: Batch, names: tuple[str, ...]) -> Tensor:
        """The images under each corruption, normalised: float32 (len(names) * B, 3, H, W), view by view."""
        if batch.epoch is None:
            seen = [self._fixed(batch.split, batch.where, name) for name in names]
        else:
            how = batch.split, batch.index, batch.epoch
            seen = [quantize(self.corruption.apply(batch.images, (name,), *how)) for name in names]
        return normalise(torch.cat(seen), self.dataset)

    def _fixed(self, split: str, where: Tensor, name: str) -> Tensor:
        """Images of a split, by their places, under a corruption with fixed noise: uint8. A small split is kept."""
        whole = self.dataset.splits[split]
        if whole.inputs.numel() * (1 + len(self.corruption.names)) <= STORED_BYTES:
            return self._corrupted(split, name)[where.to(self.device)]
        some = whole.take(where, self.device)
        return quantize(self.corruption.apply(some.inputs, (name,), split, some.index))

    def _corrupt(self, split: str, name: str) -> Tensor:
        whole = self.dataset.splits[split].to(self.device)
        return quantize(self.corruption.apply(whole.inputs, (name,), split, whole.index))

    def unpaired(self, names: tuple[str, ...], batch_size: int, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """One step through the elemental sets shuffled together: every image comes once under every corruption.

        An image's corruption is the same in every epoch, as if read from a file; crop and flip come after it.

        Returns:
            Normalised images float32 (batch_size, 3, H, W), grouped by corruption, and their classes int64.
        """
        split = self.dataset.splits["train"]
        chosen = self._order(len(names) * len(split), epoch)[step * batch_size : (step + 1) * batch_size]
        images, classes = [], []
        for k, name in enumerate(names):
            where = chosen[chosen // len(split) == k] % len(split)
            if len(where):
                place = where.to(split.targets.device)
                seen = self._fixed("train", where, name)
                images.append(self._augmented(seen, split.index[place], f"augmentation-{name}", epoch))
                classes.append(split.targets[place].to(self.device))
        return normalise(torch.cat(images), self.dataset), torch.cat(classes)

    def paired(self, n_images: int, epoch: int, step: int) -> Batch:
        """One step through the clean training images; crop and flip come before any corruption."""
        split = self.dataset.splits["train"]
        where = self._order(len(split), epoch)[step * n_images : (step + 1) * n_images]
        some = split.take(where, self.device)
        images = self._augmented(some.inputs, some.index, "augmentation", epoch)
        return Batch(images, some.targets, some.index, where, "train", epoch)

    def _augmented(self, images: Tensor, index: Tensor, purpose: str, epoch: int) -> Tensor:
        if self.dataset.augmentation == Augmentation():
            return images
        draw = Draw.of(self.seed, "train", index.to(images.device), 0, purpose, epoch)
        return augment(images, self.dataset.augmentation, draw)

    def validation(self, n_images: int) -> Iterator[Batch]:
        """All clean validation images in order, n_images at a time, the last batch perhaps smaller."""
        split = self.dataset.splits["valid"]
        for where in torch.arange(len(split)).split(n_images):
            some = split.take(where, self.device)
            yield Batch(some.inputs, some.targets, some.index, where, "valid", None)


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
