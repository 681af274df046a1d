"""What the benchmarks compare with: images corrupted one by one with scikit-image and PIL, by workers of a DataLoader.

This is how such a study is usually written: a data set whose items are read, corrupted and turned into tensors.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from corruptions import one_at_a_time
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import normalize, to_tensor

Item = tuple[int, tuple[str, ...]]


class OneByOne(Dataset[tuple[Tensor, int]]):
    """Images, each under a composition of its own."""

    def __init__(self, images: Tensor, classes: Tensor, items: Sequence[Item]) -> None:
        """Keep the images as PIL has them; `items` are (place, composition)."""
        self.images, self.classes, self.items = images.numpy(), classes.tolist(), items
        self.functions: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            "Identity": lambda x: x,
            **one_at_a_time(images.shape[-1], images.shape[1]),
        }

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        """An image, normalised: float32 (3, H, W), and its class."""
        which, composition = self.items[place]
        pixels = self.images[which]
        image = np.asarray(Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))) / 255
        for name in composition:
            image = self.functions[name](image)
        tensor = to_tensor((255 * image).astype(np.uint8)).expand(3, -1, -1)
        return normalize(tensor, [0.5] * 3, [0.5] * 3), self.classes[which]


def loader(
    images: Tensor, classes: Tensor, items: Sequence[Item], batch_size: int, workers: int
) -> DataLoader[tuple[Tensor, int]]:
    """Batches of the items, in their order, made by worker processes."""
    made = OneByOne(images, classes, items)
    return DataLoader(made, batch_size, num_workers=workers, worker_init_fn=lambda _: torch.set_num_threads(1))
