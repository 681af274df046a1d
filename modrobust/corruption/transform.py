"""A torchvision-style transform: one image at a time, for code outside this framework."""

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import blake2b
from inspect import signature
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from modrobust.corruption.common.names import COMMON
from modrobust.corruption.composition import parse
from modrobust.corruption.contrast import contrast
from modrobust.corruption.corruption import Corruption, quantize
from modrobust.corruption.draw import Draw
from modrobust.corruption.gaussian_blur import gaussian_blur
from modrobust.corruption.impulse_noise import impulse_noise
from modrobust.corruption.invert import invert
from modrobust.corruption.rotate90 import rotate90
from modrobust.corruption.swirl import swirl
from modrobust.errors import UserError, nearest

ELEMENTAL: dict[str, Callable[..., Tensor]] = {
    "Contrast": contrast,
    "GaussianBlur": gaussian_blur,
    "ImpulseNoise": impulse_noise,
    "Invert": invert,
    "Rotate90": rotate90,
    "Swirl": swirl,
}

AnyImage = TypeVar("AnyImage", Image.Image, np.ndarray, Tensor)


class Corrupt:
    """Apply a composition to one image: `Corrupt("Contrast-Swirl", severity={"Swirl": 5})(image)`.

    The noise of an image is keyed by its content: the same image has the same noise every time.
    """

    def __init__(
        self,
        composition: str,
        severity: Mapping[str, int] | None = None,
        elemental: Mapping[str, Callable[[Tensor, Draw], Tensor]] | None = None,
        seed: int = 0,
    ) -> None:
        """Check names and severities.

        Args:
            composition: names joined by "-", of the six and of the common ones, applied from left to right.
            severity: 1 to 5 by name, where not the published one.
            elemental: more corruptions by name, functions of (images, draw) as in `Corruption`.
            seed: of the noise.

        Raises:
            UserError: a name is unknown, a severity is not allowed.
        """
        functions: dict[str, Callable[..., Tensor]] = {**ELEMENTAL, **COMMON, **(elemental or {})}
        for name, value in (severity or {}).items():
            if name not in functions:
                raise UserError(f"severity of an unknown corruption '{name}'.{nearest(name, functions)}")
            if "severity" not in signature(functions[name]).parameters:
                raise UserError(f"corruption {name} has no severity, given is {value}.")
            functions[name] = partial(functions[name], severity=value)
        self.composition = parse(composition)
        self.corruption = Corruption(functions, seed, names=(), compositions=[self.composition])

    def __call__(self, image: AnyImage) -> AnyImage:
        """Corrupt one image.

        Args:
            image: PIL image of mode L or RGB; array uint8 (H, W) or (H, W, C); or tensor (H, W) or (C, H, W),
                uint8, or floating in 0..1.

        Returns:
            An image of the same kind; its values are whole 255ths, truncated as in `quantize`.

        Raises:
            UserError: the image is of another kind.
        """
        planes = _planes(image)
        content = planes.round().to(torch.uint8).cpu().numpy().tobytes()
        key = int.from_bytes(blake2b(content, digest_size=8).digest(), "little", signed=True)
        corrupted = self.corruption.apply(planes[None], self.composition, "transform", torch.tensor([key]))
        return _like(image, quantize(corrupted)[0])


def _planes(image: Image.Image | np.ndarray | Tensor) -> Tensor:
    """float32 (C, H, W), 0..255, of an image of any kind."""
    if isinstance(image, Image.Image) and image.mode in ("L", "RGB"):
        image = np.asarray(image)
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim in (2, 3):
        planes = torch.from_numpy(image.astype(np.float32))
        return planes[None] if image.ndim == 2 else planes.permute(2, 0, 1).contiguous()
    if isinstance(image, Tensor) and image.ndim in (2, 3):
        planes = image if image.ndim == 3 else image[None]
        if image.dtype == torch.uint8:
            return planes.float().contiguous()
        if image.is_floating_point():
            return (planes.float() * 255).contiguous()
    kind = f"mode {image.mode}" if isinstance(image, Image.Image) else getattr(image, "dtype", "not an image")
    raise UserError(
        f"cannot corrupt a {type(image).__name__} ({kind}). Allowed: PIL images L or RGB, uint8 arrays (H, W) "
        "or (H, W, C), tensors (H, W) or (C, H, W), uint8 or floating in 0..1."
    )


def _like(image: AnyImage, planes: Tensor) -> AnyImage:
    """An image of the same kind from uint8 (C, H, W)."""
    if isinstance(image, Tensor):
        planes = planes if image.dtype == torch.uint8 else planes.to(image.dtype) / 255
        return planes.view(image.shape)
    array = planes.permute(1, 2, 0).numpy().reshape(np.asarray(image).shape)
    return array if isinstance(image, np.ndarray) else Image.fromarray(array)
