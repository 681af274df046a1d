"""The corruptions of a study: apply one, or an ordered list of them, to a batch of images."""

from collections.abc import Iterable, Mapping
from functools import partial
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.profiler import record_function

from modrobust.corruption.composition import IDENTITY, check_name, parse
from modrobust.corruption.draw import Draw
from modrobust.corruption.own import Function, Own, is_own
from modrobust.errors import UserError, nearest

STRETCH = "modrobust: corruption"  # what a profile calls it


class Corruption:
    """Elementary corruptions by name, and the compositions of them that are tested.

    Corrupted images depend on nothing but the image, its split and index, the composition, the epoch where
    one is given, and `seed`: they are equal to the last bit whatever the batch, order or worker.

    Attributes:
        elemental: name -> function of (images, draw), float32 (B, C, H, W) in 0..255 to the same; every call of one
            that is not of this package is checked (see `Own`).
        seed: of all random draws. Not the seed of a run: all runs are tested on the same images.
        names: the elementary corruptions of the study, in base order; Identity is not among them.
        compositions: ordered tuples of names; the empty one is Identity.
        input_noise: standard deviation of normal noise on training inputs that are not images with classes.
    """

    def __init__(
        self,
        elemental: Mapping[str, Function],
        seed: int = 0,
        names: Iterable[str] | None = None,
        compositions: Iterable[Iterable[str] | str] = (),
        input_noise: float = 0.0,
        severity: int | None = None,
        table: int | None = None,
    ) -> None:
        """Check names, and parameters on a tiny image, before the first real one.

        Args:
            elemental: name -> function, with its parameters bound.
            seed: see above.
            names: all of `elemental` where None.
            compositions: tuples of names, or their names joined by "-".
            input_noise: see above.
            severity, table: not used; what the YAML files of the common corruptions give to all of them.

        Raises:
            UserError: a name is unknown, comes twice or could not be part of a composition's; a function refuses its
                parameters, or is none.
        """
        self.elemental = {
            name: Own(name, function) if is_own(function) else _bound(function) for name, function in elemental.items()
        }
        self.seed, self.input_noise = seed, input_noise
        self.names = tuple(n for n in (self.elemental if names is None else names) if n != IDENTITY)
        self.compositions = [parse(c) if isinstance(c, str) else tuple(c) for c in compositions]
        if len(set(self.names)) < len(self.names):
            raise UserError(f"corruption.names holds a name twice: {', '.join(self.names)}.")
        for name in self.elemental:
            check_name(name)
        for name in sorted({*self.names}.union(*self.compositions) - {IDENTITY}):
            function = self._function(name)
            if isinstance(function, Own):
                function.check()  # that images have a certain size may be part of it: see try_out
                continue
            try:
                function(torch.zeros(1, 1, 8, 8), Draw("trial", torch.zeros(1, dtype=torch.int64)))
            except UserError as error:
                raise UserError(f"corruption {name}: {error}") from error

    def at(self, severity: int) -> "Corruption":
        """The same with all functions that take a severity at this one. Raises UserError where one has no such."""

        given: dict[str, Any] = {"severity": severity}

        def bound(function: Function) -> Function:
            plain = function.function if isinstance(function, Own) else function
            return partial(plain, **given) if given.keys() <= signature(plain).parameters.keys() else plain

        elemental = {name: bound(function) for name, function in self.elemental.items()}
        return Corruption(elemental, self.seed, self.names, self.compositions, self.input_noise)

    def try_out(self, images: Tensor, split: str, index: Tensor, names: Iterable[str] = ()) -> None:
        """Call the functions that are not of this package on a few real images, before all others.

        Args:
            images: uint8 (B, C, H, W), B at least 1.
            split, index: as in `apply`.
            names: corruptions that are used besides those of the study.

        Raises:
            UserError: a function doesn't keep its contract (see `Own`), or a name is unknown.
        """

        def draw(name: str, where: slice) -> Draw:
            return Draw.of(self.seed, split, index[where], 0, name)

        dimmed = torch.linspace(1, 0.5, len(images), device=images.device)  # what depends on other images, shows then
        for name in sorted({*self.names, *names}.union(*self.compositions) - {IDENTITY}):
            function = self._function(name)
            if isinstance(function, Own):
                function.try_out(images * dimmed[:, None, None, None], partial(draw, name))

    def apply(
        self, images: Tensor, composition: Iterable[str], split: str, index: Tensor, epoch: int | None = None
    ) -> Tensor:
        """Apply the corruptions of a composition from left to right, with no rounding in between.

        Args:
            images: uint8 or float32 (B, C, H, W), 0..255; never changed.
            composition: names.
            split: of the data set.
            index: int64 (B,), of the images in their split.
            epoch: for new noise at every visit of an image; None for the same always.

        Returns:
            float32 (B, C, H, W), 0..255; for Identity the float32 images themselves.

        Raises:
            UserError: a name is unknown.
        """
        for position, name in enumerate(composition):
            images = self.step(images, name, position, split, index, epoch)
        return images.float()

    def step(
        self, images: Tensor, name: str, position: int, split: str, index: Tensor, epoch: int | None = None
    ) -> Tensor:
        """One step of `apply`, for compositions that share their first ones.

        Args:
            images: the result of the steps before, or uint8.
            name: of the corruption; Identity changes nothing.
            position: place in the composition, from 0.
            split, index, epoch: as in `apply`.
        """
        if name == IDENTITY:
            return images.float()
        draw = Draw.of(self.seed, split, index.to(images.device), position, name, epoch)
        if not torch.is_autocast_enabled(kind := images.device.type):
            return self._function(name)(images.float(), draw)
        with torch.autocast(kind, enabled=False):  # entered in vain it would take as long as a small batch's Invert
            return self._function(name)(images.float(), draw)

    def watch(self) -> None:
        """Let a profile tell every step apart from other work, under the name `STRETCH`."""
        self.step = record_function(STRETCH)(self.step)  # type: ignore[method-assign]

    def _function(self, name: str) -> Function:
        if name not in self.elemental:
            allowed = [IDENTITY, *self.elemental]
            raise UserError(f"no corruption '{name}'.{nearest(name, allowed)} Allowed: {', '.join(allowed)}.")
        return self.elemental[name]


def _bound(function: Function) -> Function:
    """The same function and parameters in Python's own partial; Hydra's looks at its target again at every call."""
    return partial(function.func, *function.args, **function.keywords) if isinstance(function, partial) else function


def quantize(images: Tensor) -> Tensor:
    """Truncate float32 0..255 to uint8.

    What is less than 1e-4 below a whole number counts as that number: float32 leaves errors of this size,
    and whole numbers are frequent.
    """
    return (images + 1e-4).clamp_(0, 255).to(torch.int32).to(torch.uint8)  # faster in two steps
