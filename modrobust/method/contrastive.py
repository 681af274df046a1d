"""Contrastive invariance: the views of an image under all corruptions are pulled together at a level."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from modrobust.errors import UserError
from modrobust.method.contrastive_loss import contrastive_loss
from modrobust.method.cross_entropy import OneNetwork
from modrobust.method.experiment import Experiment
from modrobust.method.fit import Training, fit
from modrobust.method.level_search import Levels, Tried, choose_levels
from modrobust.method.levels import Level, levels_of
from modrobust.method.made import Made
from modrobust.method.objectives import Paired, accuracy
from modrobust.method.views import Batch, Views
from modrobust.model.network import Network
from modrobust.store.parts import Part

SEARCH_BATCHES = 200  # a training, and at most a validation, of the level search (published)


class Contrastive:
    """One network; cross entropy of all views plus a contrastive loss at the penultimate or other features."""

    def __init__(
        self,
        lr: float,
        weight: float,
        temperature: float,
        level: Level | Mapping[str, Level],
        repeats: int,
    ) -> None:
        """Keep the settings.

        Args:
            lr: learning rate.
            weight: of the contrastive loss.
            temperature: of its similarities.
            level: of the features it works on, for all corruptions or for each; `auto` searches it for each.
            repeats: networks trained for each corruption and level of the search.

        Raises:
            UserError: repeats is below 1.
        """
        if repeats < 1:
            raise UserError(f"method.repeats={repeats}: a whole number of at least 1 is needed.")
        self.lr, self.weight, self.temperature, self.level, self.repeats = lr, weight, temperature, level, repeats

    def train(self, experiment: Experiment) -> Made:
        """Train one network, after searching its levels where they are not given."""
        names, probe = experiment.corruption.names, experiment.divided()
        experiment.images_a_step(1 + len(names))  # told before levels are searched
        if self.level == "auto":
            levels = choose_levels(names, range(1, probe.levels), partial(self._try, experiment))
        else:
            levels = Levels(levels_of(self.level, names, probe, lowest=1), [], ())
        settings = {"weight": self.weight, "temperature": self.temperature, "levels": levels.chosen}
        part = experiment.parts.part("contrastive", experiment.elemental, lr=self.lr, **settings)
        network = self._fit(experiment, part, levels.chosen, experiment.training)
        return Made(OneNetwork(network), (*levels.parts, part), levels.tables)

    def _try(self, experiment: Experiment, name: str, level: int) -> Tried:
        """With this corruption alone at this level: the mean over short trainings from scratch."""
        constant = partial(torch.optim.lr_scheduler.ConstantLR, factor=1.0)
        training = replace(experiment.training, epochs=1, schedule=constant)
        n_images = experiment.training.batch_size // (1 + len(experiment.corruption.elemental))  # also untrained
        settings = {"weight": self.weight, "temperature": self.temperature, "batches": SEARCH_BATCHES}
        accuracies, parts = [], []
        for repeat in range(self.repeats):
            which = f"search-{name}-level{level}-repeat{repeat}"
            part = experiment.parts.part(which, ("Identity", name), lr=self.lr, n_images=n_images, **settings)
            self._fit(experiment, part, {name: level}, training, n_images, SEARCH_BATCHES)
            accuracies.append(part.curve()[-1]["valid_accuracy"])
            parts.append(part)
        return Tried(sum(accuracies) / len(accuracies), tuple(parts))

    def _fit(
        self,
        experiment: Experiment,
        part: Part,
        levels: dict[str, int],
        training: Training,
        n_images: int | None = None,
        batches: int | None = None,
    ) -> Network:
        network, views = experiment.network(part), experiment.views()
        scalars = partial(self._scalars, network, views, levels)
        n_images = n_images or experiment.images_a_step(1 + len(levels))
        fit(part, network, Paired(views, network, scalars, n_images, batches), training, self.lr, keep=batches is None)
        return network.eval()

    def _scalars(self, network: Network, views: Views, levels: dict[str, int], batch: Batch) -> dict[str, Tensor]:
        names = ("Identity", *levels)
        classes = batch.targets.repeat(len(names))
        features, at = views.see(batch, names), 0
        contrast = torch.zeros((), device=features.device)
        for level in sorted(set(levels.values())):
            features, at = network.features(features, level, at), level
            here = [i for i, name in enumerate(names) if levels.get(name, level) == level]  # Identity is everywhere
            seen = torch.cat([features.chunk(len(names))[i] for i in here])
            if self.weight:
                contrast = contrast + self.weight * contrastive_loss(seen, len(here), self.temperature)
        logits = network(features, at)
        loss = functional.cross_entropy(logits, classes)
        parts = {"cross_entropy": loss.detach(), "contrastive": contrast.detach()}
        return {"loss": loss + contrast, "accuracy": accuracy(logits, classes), **parts}
