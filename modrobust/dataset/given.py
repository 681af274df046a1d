"""Images that somebody has in memory, or as a dataset of torchvision, as a split."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from modrobust.dataset.splits import Split
from modrobust.errors import UserError
from modrobust.progress import bar


class Pairs(Protocol):
    """A dataset in the sense of torch and torchvision: its items are an image and its class."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


Images = Tensor | NDArray[Any] | Pairs


def given(
    images: Images, labels: Sequence[int] | Tensor | NDArray[Any] | None, index: Sequence[int] | Tensor | None
) -> Split:
    """A split of images.

    Args:
        images: uint8 (N, C, H, W) or (N, H, W), C 1 or 3, or floating in 0..1; or a dataset of (image, class), with
            images as PIL images or as tensors of these kinds.
        labels: their classes (N,); None where images are a dataset, which has them.
        index: keys the draws of each image (N,); None: its position.

    Raises:
        UserError: the images are of another kind, or not as many as classes or indices.
    """
    if isinstance(images, np.ndarray):
        images = torch.from_numpy(images)
    if not isinstance(images, Tensor):
        images, labels = _stacked(images)
    if labels is None:
        raise UserError("evaluate: images without labels: give their classes (N,), or a dataset of (image, class).")
    planes = _bytes(images if images.ndim == 4 else images[:, None] if images.ndim == 3 else images)
    targets = torch.as_tensor(labels).long()
    where = torch.arange(len(planes)) if index is None else torch.as_tensor(index).long()
    if targets.shape != (len(planes),) or where.shape != (len(planes),):
        found = f"{tuple(targets.shape)} labels and {tuple(where.shape)} indices"
        raise UserError(f"evaluate: {len(planes)} images, but {found}: one of each is needed for an image.")
    if len(planes) == 0 or int(targets.min()) < 0:
        raise UserError("evaluate: at least one image is needed, and classes are 0, 1, ...")
    return Split(planes, targets, where)


def _stacked(dataset: Pairs) -> tuple[Tensor, Tensor]:
    images: list[Tensor] = []
    labels: list[int] = []
    with bar("reading", len(dataset)) as shown:
        for i in range(len(dataset)):
            image, label = dataset[i]
            if isinstance(image, Image.Image):
                array = np.array(image if image.mode in ("L", "RGB") else image.convert("RGB"))
                image = torch.from_numpy(array)
                image = image[None] if image.ndim == 2 else image.permute(2, 0, 1)
            if images and image.shape != images[0].shape:
                sizes = f"{tuple(images[0].shape)} and {tuple(image.shape)}"
                raise UserError(f"evaluate: image {i} differs in shape ({sizes}): resize them to one size first.")
            images.append(image)
            labels.append(int(label))
            shown.advance()
    if not images:
        raise UserError("evaluate: the dataset is empty.")
    return torch.stack(images), torch.tensor(labels)


def _bytes(images: Tensor) -> Tensor:
    """uint8 (N, C, H, W)."""
    if images.ndim == 4 and images.shape[1] in (1, 3):
        if images.dtype == torch.uint8:
            return images
        if images.is_floating_point() and len(images) and images.min() >= 0 and images.max() <= 1:
            return (images * 255).round().to(torch.uint8)
    kind = f"{str(images.dtype).removeprefix('torch.')} {tuple(images.shape)}"
    values = f", {float(images.min()):.3g} to {float(images.max()):.3g}" if images.numel() else ""
    raise UserError(
        f"evaluate: images are {kind}{values}: uint8 (N, C, H, W) or (N, H, W) with C 1 or 3 is needed, or the same "
        "floating in 0..1; what normalises them goes into prepare=."
    )
