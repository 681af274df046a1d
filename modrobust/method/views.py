"""Training batches: which images under which corruption come in which step."""

from functools import lru_cache

import torch
from torch import Tensor

from modrobust.corruption.corruption import Corruption, quantize
from modrobust.corruption.draw import Draw
from modrobust.dataset.normalise import normalise
from modrobust.dataset.splits import Augmentation, ImageDataset
from modrobust.seeds import derive


def augment(images: Tensor, augmentation: Augmentation, draw: Draw) -> Tensor:
    """Crop and flip each image by its own draw.

    Args:
        images: uint8 (B, C, H, W).
        augmentation: zero padding before the crop back to (H, W), and whether to flip.
        draw: one stream of random numbers for each image.

    Returns:
        uint8 (B, C, H, W).
    """
    if not augmentation.padding and not augmentation.flip:
        return images
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


class Unpaired:
    """The elemental sets of a split shuffled together: each image comes once an epoch under each corruption.

    An image's corruption is the same in every epoch (as if read from a file); crop and flip come after it.
    Batches drop the epoch's incomplete last one.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        corruption: Corruption,
        names: tuple[str, ...],
        batch_size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.dataset, self.corruption, self.names = dataset, corruption, names
        self.seed, self.device = seed, device
        self.split = dataset.splits["train"]
        total = len(names) * len(self.split)
        self.batch_size = min(batch_size, total)
        self.steps = total // self.batch_size
        self._order = lru_cache(maxsize=1)(self._shuffle)

    def _shuffle(self, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(derive(self.seed, "order", epoch))
        return torch.randperm(len(self.names) * len(self.split), generator=generator)

    def batch(self, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """Normalised images float32 (B, 3, H, W), grouped by corruption, and their classes int64 (B,)."""
        chosen = self._order(epoch)[step * self.batch_size : (step + 1) * self.batch_size]
        images, classes = [], []
        for k, name in enumerate(self.names):
            where = chosen[chosen // len(self.split) == k] % len(self.split)
            if not len(where):
                continue
            some = self.split.take(where, self.device)
            seen = quantize(self.corruption.apply(some.inputs, (name,), "train", some.index))
            draw = Draw.of(self.seed, "train", some.index, 0, f"augmentation-{name}", epoch)
            images.append(augment(seen, self.dataset.augmentation, draw))
            classes.append(some.targets)
        return normalise(torch.cat(images), self.dataset), torch.cat(classes)
