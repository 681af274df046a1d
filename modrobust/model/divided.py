"""Any classifier of images, such as torchvision's, as a network of blocks."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

import torch
from torch import nn

from modrobust.errors import UserError, line_of
from modrobust.model.by_shape import autoencoder_for, module_for
from modrobust.model.cut import Block, cut
from modrobust.model.network import Network


def divided(
    network: nn.Module, image_size: tuple[int, int], source: str, levels: Sequence[str | int] | None = None
) -> Network:
    """The network as blocks; as a single one where torch.fx cannot trace it, which methods without levels can use.

    Args:
        network: from normalised images float32 (N, 3, H, W) to logits float32 (N, classes).
        image_size: H and W, in pixels.
        source: what made it, for messages.
        levels: see `cut`.

    Raises:
        UserError: it does not take such images, or there is no such level.
    """
    images = torch.zeros(2, 3, *image_size)
    undivided = None
    try:
        blocks = cut(network, images, levels)
    except UserError:
        raise
    except Exception as error:
        _take(network, images, source)
        undivided = f"torch.fx cannot trace it: {line_of(error)}"
        blocks = [Block("network", network, (3, *image_size))]
    shapes = [block.shape for block in blocks]
    in_places = [level for level, shape in enumerate(shapes) if len(shape) > 1 and prod(_places(shape)) > 1]
    return Network(
        {block.name: block.module for block in blocks},
        partial(module_for, image_size, shapes),
        partial(autoencoder_for, image_size),
        min(in_places[-1] + 1, len(blocks) - 1),
        undivided,
    )


def network_of(build: Callable[[], object], image_size: tuple[int, int], source: str) -> object:
    """What a user's own function or class makes; an `nn.Module` that is no `Network` yet is divided."""
    made = build()
    return divided(made, image_size, source) if isinstance(made, nn.Module) and not isinstance(made, Network) else made


def _take(network: nn.Module, images: torch.Tensor, source: str) -> None:
    kept = {module: module.training for module in network.modules()}
    try:
        with torch.no_grad():
            network.eval()(images)
    except Exception as error:
        size = "x".join(map(str, images.shape[-2:]))
        raise UserError(f"{source} does not take images of {size} pixels: {line_of(error)}") from error
    for module, training in kept.items():
        module.training = training


def _places(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:1] if len(shape) == 2 else shape[1:]
