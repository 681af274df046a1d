"""Whether a network of a user's own is what methods expect; checked before any training."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from modrobust.errors import UserError, line_of
from modrobust.model.network import Network


def check_network(build: Callable[[], Any], images: Tensor, num_classes: int, source: str) -> None:
    """Build a network, and let it predict two images.

    Args:
        build: makes it.
        images: normalised, float32 (2, 3, H, W).
        num_classes: of the dataset.
        source: what builds it, for messages.

    Raises:
        UserError: it is none, it fails, or it returns something else than logits (B, classes) and features.
    """
    network = build()
    if not isinstance(network, Network):
        found = type(network).__name__
        raise UserError(f"{source} makes {found}: an nn.Module from images to logits is needed.")
    try:
        with torch.no_grad():
            logits, units = network.eval().predict(images)
    except Exception as error:
        raise UserError(f"{source}: {line_of(error)}") from error
    shape = (len(images), num_classes)
    if not isinstance(logits, Tensor) or logits.dtype != torch.float32 or logits.shape != shape:
        kind = f"{str(logits.dtype).removeprefix('torch.')} {tuple(logits.shape)}" if isinstance(logits, Tensor) else ""
        raise UserError(
            f"{source} returns {kind or type(logits).__name__} for {len(images)} images: "
            f"logits of every class, float32 {shape}, are needed."
        )
    if not logits.isfinite().all():
        raise UserError(f"{source} returns logits that are no numbers, or infinite ones.")
    if units.ndim != 2 or units.shape[1] == 0:
        raise UserError(f"{source}: the input of its last block is {tuple(units.shape)}: (images, units) is needed.")
