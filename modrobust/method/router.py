"""A router: a network with a label for each corruption, which tells from an image what has been done to it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from modrobust.corruption.composition import parse
from modrobust.device import to_device
from modrobust.method.experiment import Experiment
from modrobust.method.fit import fit
from modrobust.method.objectives import Paired
from modrobust.method.pairs import Composed, orders
from modrobust.method.views import Batch, Views
from modrobust.model.network import Network
from modrobust.store.parts import Part

CERTAIN = 0.5
"""The probability above which an image is taken to have a corruption."""
NONE = -1
"""In the place of a corruption's number."""


class Router(nn.Module):
    """The experiment's network with another head: how likely an image has each corruption, whatever their order.

    Args:
        network: gives the penultimate features.
        units: how many they are.
        labels: corruptions.
    """

    def __init__(self, network: Network, units: int, labels: int) -> None:
        super().__init__()
        self.network, self.head = network, nn.Linear(units, labels)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images float32 (B, 3, H, W) -> logits (B, labels)."""
        return self.head(self.network.predict(images)[1])  # type: ignore[no-any-return]

    def order(self, images: Tensor) -> Tensor:
        """The corruptions that each image is taken to have, int64 (B, labels), the most certain first, then NONE."""
        certain, order = self(images).float().sigmoid().sort(stable=True, dim=1, descending=True)
        return order.where(certain > CERTAIN, NONE)

    def next(self, images: Tensor, undone: Tensor) -> Tensor:
        """The most certain corruption of each image that is not undone, int64 (B,), or NONE.

        Args:
            images: as they are by now.
            undone: bool (B, labels).
        """
        certain, which = self(images).float().sigmoid().masked_fill(undone, 0).max(1)
        return which.where(certain > CERTAIN, NONE)


def train_router(experiment: Experiment, lr: float, lengths: Sequence[int]) -> tuple[Router, Part, list[str]]:
    """The part `router`, in eval mode; and the names of the compositions that it was trained on.

    A batch has as many views of an image as there are elemental sets; where compositions are more, a random choice.

    Args:
        experiment: whose network, corruptions and training it has.
        lr: learning rate.
        lengths: it is trained on all orders of so many corruptions; 0 is Identity.

    Raises:
        UserError: there are not so many corruptions.
    """
    corruption, views = experiment.corruption, experiment.views()
    seen, several = orders(corruption.names, lengths, "method.router.lengths"), max(lengths) > 1
    if several:
        composed = Composed(corruption, seen)
        views = Views(experiment.dataset, composed, experiment.seed, experiment.device, keep_bytes=0)
    settings = {} if tuple(lengths) == (0, 1) else {"lengths": lengths}  # the first routers had no others
    part = experiment.parts.part("router", experiment.elemental, lr=lr, **settings)
    labels = torch.tensor([[name in parse(some) for name in corruption.names] for some in seen]).float()

    def build() -> Router:
        network = experiment.probe().to(experiment.device).eval()
        with torch.no_grad():
            units = network.predict(views.see(next(views.validation(2)), ("Identity",)))[1].shape[1]
        return Router(network.train(), units, len(corruption.names))

    router, most = experiment.fresh(part, build), len(experiment.elemental)

    def scalars(batch: Batch) -> dict[str, Tensor]:
        some = range(len(seen)) if batch.epoch is None else torch.randperm(len(seen))[:most].tolist()
        logits = router(views.see(batch, tuple(seen[i] for i in some)))
        wanted = to_device(labels[list(some)], experiment.device).repeat_interleave(len(batch.targets), 0)
        right = ((logits.detach() > 0) == (wanted > CERTAIN)).all(1).float().mean()
        return {"loss": functional.binary_cross_entropy_with_logits(logits, wanted), "accuracy": right}

    fit(part, router, Paired(views, router, scalars, experiment.images_a_step(most)), experiment.training, lr)
    return router.eval(), part, seen


def marked(order: Tensor, labels: int) -> Tensor:
    """Which numbers there are in each row: int64 (B, n), perhaps NONE among them -> bool (B, labels)."""
    return (order[:, :, None] == torch.arange(labels, device=order.device)).any(1)


def applied(x: Tensor, which: Tensor, modules: Sequence[nn.Module]) -> Tensor:
    """Each row through its own module.

    Args:
        x: float32 (B, ...).
        which: int64 (B,), numbers of modules, or NONE for rows that stay as they are; on the host, which chooses rows.
        modules: each keeps the shape of x.
    """
    after = x.clone()
    for number, module in enumerate(modules):
        rows = (which == number).nonzero()[:, 0]
        if len(rows):
            rows = to_device(rows, x.device)
            after[rows] = module.forward(x[rows]).to(x.dtype)  # not compiled, which would be for every number of rows
    return after
