"""A corruption that is not of this package: it can harm nothing, and what it returns is what the next one expects."""

import inspect
from collections.abc import Callable
from functools import partial
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from modrobust.corruption.draw import Draw
from modrobust.errors import UserError, line_of

Function = Callable[[Tensor, Draw], Tensor]

SLACK = 0.25  # how far outside 0..255 is still rounding: convolutions of a GPU in TF32 are off by half of it
SAME = 0.01  # two results that differ by less are equal up to the order of sums


def is_own(function: Any) -> bool:
    """Whether a function, perhaps with parameters bound, is from outside this package."""
    return not str(getattr(_plain(function), "__module__", None)).startswith("modrobust.corruption.")


class Own:
    """A function of (images, draw) whose every call is checked.

    It works on a copy of the images, so that other compositions that begin with the same corruptions never see what
    it does in place; the state of torch's random generators is put back, so that training is not disturbed.
    """

    def __init__(self, name: str, function: Function) -> None:
        """Keep it.

        Args:
            name: of the corruption, for messages.
            function: float32 (B, C, H, W), 0..255, and a draw -> the same shape, dtype, device and range.
        """
        self.name, self.function = name, function

    def check(self) -> None:
        """Whether it can be called at all. Raises UserError where it is no function or its parameters are others."""
        function = self.function
        if not callable(function):
            kind = type(function).__name__
            raise UserError(f"corruption {self.name} is no function but {kind}: write _target_ and _partial_: true.")
        plain, bound = _plain(function), function if isinstance(function, partial) else partial(function)
        try:
            inspect.signature(plain).bind(*bound.args, "images", "draw", **bound.keywords)
        except TypeError as error:
            raise UserError(f"{self}: it can't be called with (images, draw): {error}.") from error
        except ValueError:  # compiled functions tell no signature
            pass

    def __str__(self) -> str:
        plain = _plain(self.function)
        where = getattr(plain, "__qualname__", type(plain).__qualname__)
        return f"corruption {self.name} ({getattr(plain, '__module__', '')}.{where})"

    def __call__(self, images: Tensor, draw: Draw) -> Tensor:
        """float32 (B, C, H, W), 0..255, to the same.

        Raises:
            UserError: the function fails, or returns something else; which function, and what.
        """
        copy, own_draw = images.clone(), Draw(draw.purpose, draw.index.clone())
        devices = [images.device.index] if images.is_cuda else []
        try:
            with torch.no_grad(), torch.random.fork_rng(devices):
                result = self.function(copy, own_draw)
        except Exception as error:
            raise UserError(f"{self}: {line_of(error)}") from error
        wanted = f"a tensor is needed, float32 {tuple(images.shape)} on {images.device}"
        if not isinstance(result, Tensor):
            raise UserError(f"{self} returns {type(result).__name__}: {wanted}.")
        if (result.dtype, result.shape, result.device) != (torch.float32, images.shape, images.device):
            kind = str(result.dtype).removeprefix("torch.")
            raise UserError(f"{self} returns {kind} {tuple(result.shape)} on {result.device}: {wanted}.")
        result = result.detach()
        if result.numel():
            low, high = torch.stack(result.aminmax()).tolist()  # a GPU is waited for once
            if not isfinite(low) or not isfinite(high):
                raise UserError(f"{self} returns infinite values or such as are no numbers: 0 to 255 is needed.")
            if low < -SLACK or high > 255 + SLACK:
                raise UserError(f"{self} returns values from {low:g} to {high:g}: 0 to 255 is needed, see clamp.")
        return result.clamp(0, 255)  # also a copy: the function may use its result again

    def try_out(self, images: Tensor, draw: Callable[[slice], Draw]) -> None:
        """Check on a few images what one call can't show.

        Args:
            images: float32 (B, C, H, W), 0..255, B at least 1.
            draw: the random numbers of some of these images.

        Raises:
            UserError: an image's result depends on the other images or on numbers that are not from its draw, or is
                within 0..1.
        """
        every = slice(None)
        result = self(images, draw(every))
        if images.max() > 1 and 0 < result.max() <= 1:
            raise UserError(f"{self} returns values within 0..1 (largest {float(result.max()):g}): 0..255 is needed.")
        with torch.random.fork_rng([images.device.index] if images.is_cuda else []):
            torch.manual_seed(1)
            again = self(images, draw(every))
        if (result - again).abs().max() > SAME:
            raise UserError(
                f"{self} returns other values each time: random numbers must come from draw, as draw.uniform(...) does."
            )
        for i in range(len(images)):
            here = slice(i, i + 1)
            if (self(images[here], draw(here)) - result[here]).abs().max() > SAME:
                raise UserError(
                    f"{self} returns other values for a batch of one image than for {len(images)}: "
                    "an image's result must depend on that image and its draw alone."
                )


def _plain(function: Any) -> Any:
    return _plain(function.func) if isinstance(function, partial) else function
