"""What is trained on images: unpaired elemental sets or paired views, each a source of batches with its loss."""

from collections.abc import Callable, Iterator
from itertools import islice

from torch import Tensor, nn
from torch.nn import functional

from modrobust.method.modes import evaluating
from modrobust.method.views import Batch, Views


def accuracy(logits: Tensor, classes: Tensor) -> Tensor:
    """The share of images (0..1) whose largest logit is that of their class."""
    return (logits.detach().argmax(1) == classes).float().mean()


class Unpaired:
    """Classify the elemental sets, shuffled together; an epoch's incomplete last batch is left out."""

    def __init__(self, views: Views, network: nn.Module, names: tuple[str, ...], batch_size: int) -> None:
        self.views, self.network, self.names = views, network, names
        total = len(names) * len(views.dataset.splits["train"])
        self.batch_size = min(batch_size, total)
        self.steps = total // self.batch_size

    def step(self, epoch: int, step: int) -> dict[str, Tensor]:
        """Cross entropy and accuracy of one batch."""
        images, classes = self.views.unpaired(self.names, self.batch_size, epoch, step)
        logits = self.network(images)
        return {"loss": functional.cross_entropy(logits, classes), "accuracy": accuracy(logits, classes)}

    def validate(self) -> dict[str, float]:
        """Cross entropy and accuracy over all validation images under every corruption."""

        def scalars(batch: Batch) -> Iterator[dict[str, Tensor]]:
            for name in self.names:
                logits = self.network(self.views.see(batch, (name,)))
                loss = functional.cross_entropy(logits, batch.targets)
                yield {"loss": loss, "accuracy": accuracy(logits, batch.targets)}

        with evaluating(self.network):
            return _mean((b, one) for b in self.views.validation(self.batch_size) for one in scalars(b))


class Paired:
    """Some scalars of clean images and their corrupted views; an epoch's incomplete last batch is left out.

    Args:
        views: where the images come from.
        network: what is trained; in evaluation mode while validating.
        scalars: named scalars of a batch, means over its images; `loss` is minimised.
        n_images: clean images a step, at least 1.
        at_most: steps an epoch, whatever the data has, and batches of a validation where all would be more.
    """

    def __init__(
        self,
        views: Views,
        network: nn.Module,
        scalars: Callable[[Batch], dict[str, Tensor]],
        n_images: int,
        at_most: int | None = None,
    ) -> None:
        self.views, self.network, self.scalars, self.at_most = views, network, scalars, at_most
        total = len(views.dataset.splits["train"])
        self.n_images = min(n_images, total)
        self.steps_of_data = total // self.n_images
        self.steps = at_most or self.steps_of_data

    def step(self, epoch: int, step: int) -> dict[str, Tensor]:
        """The scalars of one training batch. With more steps than the data has, the data comes again."""
        visit, step = divmod(epoch * self.steps + step, self.steps_of_data)
        return self.scalars(self.views.paired(self.n_images, visit, step))

    def validate(self) -> dict[str, float]:
        """The scalars' means over validation images."""
        with evaluating(self.network):
            batches = islice(self.views.validation(self.n_images), self.at_most)
            return _mean((batch, self.scalars(batch)) for batch in batches)


def _mean(scalars: Iterator[tuple[Batch, dict[str, Tensor]]]) -> dict[str, float]:
    """Means weighted by the number of images."""
    sums: dict[str, Tensor | float] = {}
    n = 0
    for batch, values in scalars:
        n += len(batch.targets)
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + value.double() * len(batch.targets)
    return {name: float(value) / n for name, value in sums.items()}
