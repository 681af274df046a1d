"""Batch normalisation adapted at test time: its statistics are also those of the images that are tested together."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from modrobust.errors import UserError
from modrobust.method.cross_entropy import train_classifier
from modrobust.method.experiment import Experiment
from modrobust.method.made import Made
from modrobust.model.network import Network


class BatchNormAdaptation:
    """The network of cross_entropy, whose statistics are mixed with those of each batch of test images.

    The images of a batch have one composition, which the method is not told (Schneider et al., arXiv 2006.16971;
    Nado et al., arXiv 2006.10963). What it predicts for an image depends on the others of its batch.
    """

    def __init__(self, lr: float, prior: float, batch_size: int) -> None:
        """Keep the settings.

        Args:
            lr: learning rate of the training.
            prior: how many images the statistics of the training count for; 0: those of the batch alone.
            batch_size: test images that are adapted to together; evaluation.batch_size should be a multiple.
        """
        self.lr, self.prior, self.batch_size = lr, prior, batch_size

    def train(self, experiment: Experiment) -> Made:
        """Train one network, the one of cross_entropy. Raises UserError where it has no batch normalisation."""
        require_batch_norm(experiment.probe(), "bn_adapt")
        classifier = train_classifier(experiment, experiment.elemental, self.lr)
        return Made(Adapted(classifier.network, self.prior, self.batch_size), (classifier.part,))


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """Its layers of batch normalisation that have statistics and weights."""
    found = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    return [module for module in found if module.running_mean is not None and module.affine]


def require_batch_norm(network: Network, method: str) -> None:
    """Raises UserError where a network has no batch normalisation to adapt."""
    if not batch_norms(network):
        raise UserError(
            f"method={method}: the network has no batch normalisation to adapt: choose model=resnet18 or "
            "model=torchvision, for example."
        )


class Adapted(nn.Module):
    """A predictor: one network, whose statistics follow the batch."""

    def __init__(self, network: Network, prior: float, batch_size: int) -> None:
        super().__init__()
        self.network, self.batch_size = network, batch_size
        for layer in batch_norms(network):
            layer.register_forward_pre_hook(partial(_mix, prior, *_statistics(layer)))

    def forward(self, images: Tensor, composition: tuple[str, ...]) -> dict[str, tuple[Tensor, Tensor]]:
        """See `Predictor`."""
        predicted = [self.network.predict(some) for some in images.split(self.batch_size)]
        logits, units = (torch.cat(parts) for parts in zip(*predicted, strict=True))
        return {"default": (logits, units)}


def _statistics(layer: _BatchNorm) -> tuple[Tensor, Tensor]:
    assert layer.running_mean is not None and layer.running_var is not None
    return layer.running_mean.clone(), layer.running_var.clone()


def _mix(prior: float, mean: Tensor, variance: Tensor, layer: _BatchNorm, inputs: tuple[Any, ...]) -> None:
    """Before a layer: its statistics become a mean of the training's and those of the batch, weighted by images."""
    x = inputs[0].float()
    share = prior / (prior + len(x))
    variance_here, mean_here = torch.var_mean(x, [0, *range(2, x.ndim)], correction=0)
    layer.running_mean = share * mean + (1 - share) * mean_here
    layer.running_var = share * variance + (1 - share) * variance_here
