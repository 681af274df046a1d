"""Tent: at test time, scales and shifts of batch normalisation learn to make predictions certain."""

import torch
from torch import Tensor, nn

from modrobust.method.bn_adapt import batch_norms, require_batch_norm
from modrobust.method.cross_entropy import train_classifier
from modrobust.method.experiment import Experiment
from modrobust.method.made import Made
from modrobust.model.network import Network


class Tent:
    """The network of cross_entropy, adapted to each batch of test images by minimising the entropy of its predictions.

    Statistics are those of the batch (Wang et al., arXiv 2006.10726). It is the episodic variant: every batch begins
    with the trained weights, so that results depend neither on the order of batches nor on interruptions; the online
    one goes on from batch to batch. The images of a batch have one composition, which the method is not told. What it
    predicts for an image depends on the others of its batch.
    """

    def __init__(self, lr: float, steps: int, adaptation_lr: float, batch_size: int) -> None:
        """Keep the settings.

        Args:
            lr: learning rate of the training.
            steps: of Adam, on each batch, before it is predicted.
            adaptation_lr: their learning rate.
            batch_size: test images that are adapted to together; evaluation.batch_size should be a multiple.
        """
        self.lr, self.steps, self.adaptation_lr, self.batch_size = lr, steps, adaptation_lr, batch_size

    def train(self, experiment: Experiment) -> Made:
        """Train one network, the one of cross_entropy. Raises UserError where it has no batch normalisation."""
        require_batch_norm(experiment.probe(), "tent")
        classifier = train_classifier(experiment, experiment.elemental, self.lr)
        predictor = MadeCertain(classifier.network, self.steps, self.adaptation_lr, self.batch_size)
        return Made(predictor, (classifier.part,))


class MadeCertain(nn.Module):
    """A predictor: one network, adapted to each batch anew."""

    def __init__(self, network: Network, steps: int, lr: float, batch_size: int) -> None:
        super().__init__()
        self.network, self.steps, self.lr = network.requires_grad_(False), steps, lr
        self.batch_size = batch_size
        layers = batch_norms(network)
        self.learning = [weight for layer in layers for weight in (layer.weight, layer.bias)]
        self.trained = [weight.detach().clone() for weight in self.learning]
        for layer in layers:  # statistics of the batch, in evaluation mode, too
            layer.running_mean = layer.running_var = None

    def forward(self, images: Tensor, composition: tuple[str, ...]) -> dict[str, tuple[Tensor, Tensor]]:
        """See `Predictor`."""
        predicted = [self._adapted(some) for some in images.split(self.batch_size)]
        logits, units = (torch.cat(parts) for parts in zip(*predicted, strict=True))
        return {"default": (logits, units)}

    def _adapted(self, images: Tensor) -> tuple[Tensor, Tensor]:
        n = len(images)
        with torch.inference_mode(False), torch.enable_grad():
            images = torch.cat([images, images]) if n == 1 else images.clone()  # one has no statistics
            for weight, trained in zip(self.learning, self.trained, strict=True):
                weight.requires_grad_(True).data.copy_(trained)
            optimizer = torch.optim.Adam(self.learning, self.lr)
            for _ in range(self.steps):
                optimizer.zero_grad()
                entropy(self.network(images)).backward()
                optimizer.step()
        with torch.no_grad():
            logits, units = self.network.predict(images)
        return logits[:n], units[:n]


def entropy(logits: Tensor) -> Tensor:
    """The mean entropy of predictions, in nats: logits (B, classes) -> a scalar."""
    log = logits.float().log_softmax(1)
    return -(log.exp() * log).sum(1).mean()
