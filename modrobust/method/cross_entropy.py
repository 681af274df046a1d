"""Empirical risk minimisation: one network, cross entropy, all elemental corruptions."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from modrobust.method.experiment import Experiment
from modrobust.method.fit import fit
from modrobust.method.made import Made
from modrobust.method.objectives import Paired, Unpaired, accuracy
from modrobust.method.views import Batch
from modrobust.model.network import Network
from modrobust.store.parts import Part


class CrossEntropy:
    """Trains on the elemental corruptions as one data set; makes no use of which composition is tested."""

    def __init__(self, lr: float, pairing: bool = False) -> None:
        """Keep the settings.

        Args:
            lr: learning rate.
            pairing: give every batch all views of fewer images, with new noise at every visit, as the contrastive
                method does; else the elemental sets are shuffled together and noise is fixed.
        """
        self.lr, self.pairing = lr, pairing

    def train(self, experiment: Experiment) -> Made:
        """Train one network."""
        classifier = train_classifier(experiment, experiment.elemental, self.lr, self.pairing)
        return Made(OneNetwork(classifier.network), (classifier.part,))


class OneNetwork(nn.Module):
    """A predictor: one network, whatever the composition."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, composition: tuple[str, ...]) -> dict[str, tuple[Tensor, Tensor]]:
        """See `Predictor`."""
        return {"default": self.network.predict(images)}


class Classifier(NamedTuple):
    """A trained network, and the part that it is."""

    network: Network
    part: Part


def train_classifier(
    experiment: Experiment, corruptions: tuple[str, ...], lr: float, pairing: bool = False
) -> Classifier:
    """The part `classifier`: a network trained by cross entropy on some elemental corruptions; in eval mode.

    Methods that need the same one share it.
    """
    part = experiment.parts.part("classifier", corruptions, lr=lr, pairing=pairing)
    network, views = experiment.network(part), experiment.views()

    def scalars(batch: Batch) -> dict[str, Tensor]:
        logits, classes = network(views.see(batch, corruptions)), batch.targets.repeat(len(corruptions))
        return {"loss": functional.cross_entropy(logits, classes), "accuracy": accuracy(logits, classes)}

    if pairing:
        paired = Paired(views, network, scalars, experiment.images_a_step(len(corruptions)))
        fit(part, network, paired, experiment.training, lr)
    else:
        unpaired = Unpaired(views, network, corruptions, experiment.training.batch_size)
        fit(part, network, unpaired, experiment.training, lr)
    return Classifier(network.eval(), part)
