"""Empirical risk minimisation: one network, cross entropy, all elemental corruptions shuffled together."""

import torch
from torch import Tensor
from torch.nn import functional

from modrobust.corruption.corruption import quantize
from modrobust.dataset.normalise import normalise
from modrobust.method.experiment import Experiment, Predictor
from modrobust.method.fit import fit
from modrobust.method.modes import evaluating
from modrobust.method.views import Unpaired
from modrobust.model.network import Network


class CrossEntropy:
    """Trains on the elemental corruptions as if they were one data set; knows nothing of the composition tested."""

    def __init__(self, lr: float) -> None:
        """lr: learning rate."""
        self.lr = lr

    def train(self, experiment: Experiment) -> Predictor:
        network = train_classifier(experiment, experiment.elemental, self.lr)

        def predict(images: Tensor, composition: tuple[str, ...]) -> dict[str, tuple[Tensor, Tensor]]:
            return {"default": network.predict(images)}

        return predict


def train_classifier(experiment: Experiment, corruptions: tuple[str, ...], lr: float) -> Network:
    """The part `classifier`: a network trained by cross entropy on some elemental corruptions, in eval mode."""
    part = experiment.parts.part("classifier", corruptions, lr=lr)
    network = experiment.network(part)
    fit(part, network, _Classification(experiment, network, corruptions), experiment.training, lr)
    return network.eval()


class _Classification:
    def __init__(self, experiment: Experiment, network: Network, corruptions: tuple[str, ...]) -> None:
        self.experiment, self.network, self.corruptions = experiment, network, corruptions
        batch_size, seed, device = experiment.training.batch_size, experiment.seed, experiment.device
        self.batches = Unpaired(experiment.dataset, experiment.corruption, corruptions, batch_size, seed, device)
        self.steps = self.batches.steps

    def step(self, epoch: int, step: int) -> dict[str, Tensor]:
        images, classes = self.batches.batch(epoch, step)
        logits = self.network(images)
        accuracy = (logits.detach().argmax(1) == classes).float().mean()
        return {"loss": functional.cross_entropy(logits, classes), "accuracy": accuracy}

    def validate(self) -> dict[str, float]:
        """Mean loss and accuracy (0..1) over all images of the validation split under each corruption."""
        split, device = self.experiment.dataset.splits["valid"], self.experiment.device
        batch_size = self.experiment.training.batch_size
        loss = torch.zeros((), dtype=torch.float64, device=device)
        correct = torch.zeros((), dtype=torch.int64, device=device)
        with evaluating(self.network):
            for name in self.corruptions:
                for start in range(0, len(split), batch_size):
                    some = split.take(slice(start, start + batch_size), device)
                    seen = quantize(self.experiment.corruption.apply(some.inputs, (name,), "valid", some.index))
                    logits = self.network(normalise(seen, self.experiment.dataset))
                    loss += functional.cross_entropy(logits, some.targets, reduction="sum").double()
                    correct += (logits.argmax(1) == some.targets).sum()
        n = len(self.corruptions) * len(split)
        return {"loss": float(loss) / n, "accuracy": float(correct) / n}
