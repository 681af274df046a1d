"""AugMix: mixtures of chains of augmentations, whose predictions are to agree with those of the image itself."""

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2

from modrobust.dataset.normalise import denormalise, normalise
from modrobust.method.cross_entropy import OneNetwork
from modrobust.method.experiment import Experiment
from modrobust.method.fit import fit
from modrobust.method.made import Made
from modrobust.method.objectives import Unpaired, accuracy


class AugMix:
    """One network; cross entropy of images, and the Jensen-Shannon divergence between their predictions and those of
    two mixtures each (Hendrycks et al., arXiv 1912.02781; the mixtures are torchvision's).
    """

    def __init__(self, lr: float, elemental: bool, weight: float, severity: int, width: int, all_ops: bool) -> None:
        """Keep the settings.

        Args:
            lr: learning rate.
            elemental: whether the images of all elemental corruptions are trained on, as by other methods; else
                clean ones alone.
            weight: of the divergence.
            severity: 1 to 10, of the augmentations.
            width: chains that are mixed.
            all_ops: also brightness, contrast, colour and sharpness, which the paper leaves out as too like the
                corruptions of its test.
        """
        self.lr, self.elemental, self.weight = lr, elemental, weight
        self.severity, self.width, self.all_ops = severity, width, all_ops

    def train(self, experiment: Experiment) -> Made:
        """Train one network."""
        names = experiment.elemental if self.elemental else ("Identity",)
        settings = {"weight": self.weight, "severity": self.severity, "width": self.width, "all_ops": self.all_ops}
        part = experiment.parts.part("augmix", names, lr=self.lr, **settings)
        network, n_images = experiment.network(part), experiment.images_a_step(3)
        objective = _Mixed(experiment.views(), network, names, n_images)
        objective.mix = v2.AugMix(self.severity, self.width, all_ops=self.all_ops)
        objective.weight = self.weight
        fit(part, network, objective, experiment.training, self.lr)
        return Made(OneNetwork(network.eval()), (part,))


class _Mixed(Unpaired):
    """Validated as cross_entropy is."""

    mix: v2.AugMix
    weight: float

    def step(self, epoch: int, step: int) -> dict[str, Tensor]:
        """Cross entropy, divergence and accuracy of one batch, each image once and in two mixtures."""
        images, classes = self.views.unpaired(self.names, self.batch_size, epoch, step)
        plain = denormalise(images, self.views.dataset)
        twice = [torch.stack([self.mix(image) for image in plain]) for _ in range(2)]
        mixed = [normalise(some, self.views.dataset) for some in twice]
        logits = self.network(torch.cat([images, *mixed])).float().chunk(3)
        cross_entropy = functional.cross_entropy(logits[0], classes)
        divergence = self.weight * jensen_shannon(*logits)
        parts = {"cross_entropy": cross_entropy.detach(), "divergence": divergence.detach()}
        return {"loss": cross_entropy + divergence, "accuracy": accuracy(logits[0], classes), **parts}


def jensen_shannon(*logits: Tensor) -> Tensor:
    """The mean over images of the divergence between several predictions of each: logits (B, classes) -> a scalar."""
    logs = [one.log_softmax(1) for one in logits]
    mean = torch.stack([one.exp() for one in logs]).mean(0).clamp(1e-7, 1).log()
    each = [functional.kl_div(mean, one, reduction="batchmean", log_target=True) for one in logs]  # of 0, no infinity
    return torch.stack(each).mean()
