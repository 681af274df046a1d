"""Unknown compositions: what a method is told of a test image is estimated from the image, by a router."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from modrobust.device import to_device
from modrobust.errors import UserError
from modrobust.method.experiment import Experiment
from modrobust.method.made import Made, Said
from modrobust.method.pairs import orders
from modrobust.method.router import Router, train_router


class Estimating(Protocol):
    """A predictor that can also do without the composition."""

    def __call__(self, images: Tensor, composition: tuple[str, ...]) -> dict[str, Said]:
        """See `Predictor`."""

    def inferred(self, images: Tensor, router: Router) -> tuple[dict[str, Said], Tensor]:
        """The same by what a router tells; and which corruptions were undone, bool (B, corruptions)."""


class Inferred(nn.Module):
    """A predictor: each variant twice, told the composition, and by an estimate of it, with how good that is.

    `exact`: 100 where it has the right corruptions, whatever their order, else 0; `missed` and `added`: how many it
    lacks, and how many it has that the image has not.
    """

    def __init__(self, told: Estimating, router: Router, names: tuple[str, ...]) -> None:
        super().__init__()
        self.told, self.router, self.names = told, router, names

    def forward(self, images: Tensor, composition: tuple[str, ...]) -> dict[str, Said]:
        """See `Predictor`."""
        found, undone = self.told.inferred(images, self.router)
        true = to_device(torch.tensor([name in composition for name in self.names]), images.device)
        missed, added = (true & ~undone).sum(1), (undone & ~true).sum(1)
        how = {"exact": 100 * (missed + added == 0), "missed": missed, "added": added}
        told = {_called(variant, "told"): said for variant, said in self.told(images, composition).items()}
        return told | {_called(variant, "inferred"): (*said[:2], how) for variant, said in found.items()}


def _called(variant: str, routing: str) -> str:
    return routing if variant == "default" else f"{variant}_{routing}"


@dataclass(frozen=True)
class Inferring:
    """How a router is trained.

    Attributes:
        lr: learning rate.
        lengths: it is trained on all orders of so many corruptions; 0 is Identity.
    """

    lr: float
    lengths: tuple[int, ...]

    def check(self, experiment: Experiment) -> None:
        """Refuse, before anything is trained, what the router could not be trained on. Raises UserError."""
        if experiment.corruption.names:
            orders(experiment.corruption.names, self.lengths, "method.router.lengths")
        experiment.images_a_step(len(experiment.elemental))

    def __call__(self, experiment: Experiment, made: Made) -> Made:
        """The same, of which the predictor goes by estimates, too. Trains the part `router`."""
        names = experiment.corruption.names
        if not names:
            return made
        router, part, seen = train_router(experiment, self.lr, self.lengths)
        predictor = Inferred(cast(Estimating, made.predictor), router, names)
        tables = {**made.tables, "seen": [{"composition": name} for name in seen]}
        return replace(made, predictor=predictor, parts=(*made.parts, part), tables=tables)


def inferring(routing: str, router: Mapping[str, Any]) -> Inferring | None:
    """What a method's keys `routing` and `router` ask for. Raises UserError where there is no such routing or key."""
    if routing not in ("told", "inferred"):
        raise UserError(f"method.routing={routing}: allowed are told and inferred.")
    if unknown := router.keys() - {"lr", "lengths"}:
        raise UserError(f"method.router has {', '.join(sorted(unknown))}: its keys are lr and lengths.")
    return Inferring(router["lr"], tuple(router["lengths"])) if routing == "inferred" else None
