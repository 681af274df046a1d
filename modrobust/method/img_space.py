"""Autoencoders in image space: each undoes one corruption, before a classifier sees the image."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from modrobust.dataset.normalise import denormalise
from modrobust.method.cross_entropy import Classifier, train_classifier
from modrobust.method.experiment import Experiment
from modrobust.method.fit import fit
from modrobust.method.inferred import inferring
from modrobust.method.made import Made, Said
from modrobust.method.modes import evaluating, frozen
from modrobust.method.objectives import Paired, accuracy
from modrobust.method.router import Router, applied, marked
from modrobust.method.views import Batch
from modrobust.model.network import Network
from modrobust.store.parts import Part


class ImgSpace:
    """The autoencoders of a composition are applied in its order, then one of two classifiers (two variants).

    `identity_classifier` was trained on clean images only, `joint_classifier` on the images of all elemental
    corruptions, each through its own autoencoder.
    """

    def __init__(
        self,
        lr: float,
        autoencoder_lr: float,
        classifiers: bool,
        routing: str = "told",
        router: Mapping[str, Any] = {},
    ) -> None:
        """Keep the settings.

        Args:
            lr: learning rate of both classifiers.
            autoencoder_lr: learning rate of the autoencoders.
            classifiers: False: only autoencoders are trained, and nothing can be tested.
            routing: whether a test is told its composition; `inferred`: besides, it is estimated (see `Inferred`).
            router: how the network that estimates is trained (see `Inferring`).

        Raises:
            UserError: there is no such routing.
        """
        self.lr, self.autoencoder_lr, self.classifiers = lr, autoencoder_lr, classifiers
        self.inferring = inferring(routing, router)

    def train(self, experiment: Experiment) -> Made:
        """Train an autoencoder for each corruption, then both classifiers."""
        experiment.images_a_step(len(experiment.elemental) if self.classifiers else 2)  # told before training
        if self.inferring:
            self.inferring.check(experiment)
        trained = {name: self._autoencoder(experiment, name) for name in experiment.corruption.names}
        autoencoders = {name: autoencoder for name, (autoencoder, _) in trained.items()}
        parts = tuple(part for _, part in trained.values())
        pictures = {"autoencoders": before_and_after(experiment, autoencoders)}
        if not self.classifiers:
            return Made(None, parts, pictures=pictures)
        identity = train_classifier(experiment, ("Identity",), self.lr)
        joint = self._joint_classifier(experiment, autoencoders, [part.hash for part in parts])
        classifiers = {"identity_classifier": identity.network, "joint_classifier": joint.network}
        made = Made(Restoring(autoencoders, classifiers), (*parts, identity.part, joint.part), pictures=pictures)
        return self.inferring(experiment, made) if self.inferring else made

    def _autoencoder(self, experiment: Experiment, name: str) -> tuple[nn.Module, Part]:
        part = experiment.parts.part(f"autoencoder-{name}", ("Identity", name), lr=self.autoencoder_lr)
        autoencoder, views = experiment.fresh(part, experiment.probe().make_autoencoder), experiment.views()

        def scalars(batch: Batch) -> dict[str, Tensor]:
            restored = autoencoder(views.see(batch, (name,)))
            return {"loss": functional.mse_loss(restored, views.see(batch, ("Identity",)))}

        objective = Paired(views, autoencoder, scalars, experiment.images_a_step(2))
        fit(part, autoencoder, objective, experiment.training, self.autoencoder_lr)
        return autoencoder.eval(), part

    def _joint_classifier(
        self, experiment: Experiment, autoencoders: dict[str, nn.Module], below: list[str]
    ) -> Classifier:
        elemental = experiment.elemental
        part = experiment.parts.part("joint_classifier", elemental, lr=self.lr, autoencoders=below)
        network, views = experiment.network(part), experiment.views()

        def scalars(batch: Batch) -> dict[str, Tensor]:
            with torch.no_grad():
                restored = [views.see(batch, ("Identity",))]
                restored += [autoencoders[name](views.see(batch, (name,))) for name in experiment.corruption.names]
            logits, classes = network(torch.cat(restored)), batch.targets.repeat(len(elemental))
            return {"loss": functional.cross_entropy(logits, classes), "accuracy": accuracy(logits, classes)}

        with frozen(*autoencoders.values()):
            objective = Paired(views, network, scalars, experiment.images_a_step(len(elemental)))
            fit(part, network, objective, experiment.training, self.lr)
        return Classifier(network.eval(), part)


def before_and_after(experiment: Experiment, autoencoders: dict[str, nn.Module]) -> list[tuple[str, Tensor]]:
    """Rows of validation images: clean, then corrupted and restored for each corruption; uint8 (n, 3, H, W)."""
    views, dataset = experiment.views(), experiment.dataset
    batch = next(views.validation(16))
    rows = [("clean", denormalise(views.see(batch, ("Identity",)), dataset))]
    with evaluating(*autoencoders.values()):
        for name, autoencoder in autoencoders.items():
            corrupted = views.see(batch, (name,))
            rows.append((name, denormalise(corrupted, dataset)))
            rows.append(("restored", denormalise(autoencoder(corrupted), dataset)))
    return rows


class Restoring(nn.Module):
    """A predictor: a composition's corruptions are undone in its order, then each classifier classifies."""

    def __init__(self, autoencoders: Mapping[str, nn.Module], classifiers: Mapping[str, Network]) -> None:
        super().__init__()
        self.autoencoders, self.classifiers = nn.ModuleDict(autoencoders), nn.ModuleDict(classifiers)

    def forward(self, images: Tensor, composition: tuple[str, ...]) -> dict[str, Said]:
        """See `Predictor`."""
        for name in composition:
            images = self.autoencoders[name](images) if name in self.autoencoders else images
        return self._classified(images)

    def inferred(self, images: Tensor, router: Router) -> tuple[dict[str, Said], Tensor]:
        """See `Estimating`. The most certain corruption is undone first, then the rest is estimated anew."""
        autoencoders = [*self.autoencoders.values()]
        undone = marked(torch.empty(len(images), 0, device=images.device), len(autoencoders))
        for _ in autoencoders:
            which = router.next(images, undone)
            images = applied(images, which.cpu(), autoencoders)
            undone = undone | marked(which[:, None], len(autoencoders))
        return self._classified(images), undone

    def _classified(self, images: Tensor) -> dict[str, Said]:
        return {variant: classifier.predict(images) for variant, classifier in self.classifiers.items()}  # type: ignore[operator]
