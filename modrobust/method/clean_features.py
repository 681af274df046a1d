"""What a frozen network makes of clean images: computed once where that is possible."""

import torch
from torch import Tensor

from modrobust.method.views import Batch, Views
from modrobust.model.network import Network


class CleanFeatures:
    """Features of clean images at a level of a frozen network.

    Without augmentation an image's features are always the same: they are kept if those of the training
    split take at most `cache_gb` gigabytes, else computed anew each time.
    """

    def __init__(self, network: Network, views: Views, level: int, cache_gb: float) -> None:
        """Nothing is computed yet.

        Args:
            network: frozen and in evaluation mode.
            views: of the dataset.
            level: 0 for the normalised images themselves.
            cache_gb: memory limit, in 10^9 bytes.
        """
        self.network, self.views, self.level, self.cache_gb = network, views, level, cache_gb
        self._kept: dict[str, Tensor | None] = {}

    def __call__(self, batch: Batch) -> Tensor:
        """Features (B, ...) of a batch."""
        if batch.split not in self._kept:
            self._kept[batch.split] = self._all(batch) if self._worth_keeping(batch) else None
        kept = self._kept[batch.split]
        return self._compute(batch) if kept is None else kept[batch.where.to(kept.device)]

    def _compute(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            return self.network.features(self.views.see(batch, ("Identity",)), self.level)

    def _worth_keeping(self, batch: Batch) -> bool:
        augmentation = self.views.dataset.augmentation
        if self.level == 0 or (batch.split == "train" and (augmentation.padding or augmentation.flip)):
            return False
        one = self._compute(batch)[:1]
        return one.numel() * one.element_size() * len(self.views.dataset.splits[batch.split]) <= self.cache_gb * 1e9

    def _all(self, batch: Batch) -> Tensor:
        split, found = self.views.dataset.splits[batch.split], []
        for where in torch.arange(len(split)).split(256):
            some = split.take(where, batch.images.device)
            found.append(self._compute(Batch(some.inputs, some.targets, some.index, where, batch.split, None)))
        return torch.cat(found)
