"""Modules: a backbone trained on clean images, and for each corruption a module inserted at a level of it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from modrobust.errors import UserError
from modrobust.method.clean_features import CleanFeatures
from modrobust.method.contrastive_loss import contrastive_loss
from modrobust.method.cross_entropy import Classifier, train_classifier
from modrobust.method.experiment import Experiment
from modrobust.method.fit import Training, fit
from modrobust.method.inferred import inferring
from modrobust.method.level_search import Levels, Tried, choose_levels
from modrobust.method.levels import Level, levels_of
from modrobust.method.made import Made, Said
from modrobust.method.modes import frozen
from modrobust.method.objectives import Paired, accuracy
from modrobust.method.router import NONE, Router, applied, marked
from modrobust.method.views import Batch
from modrobust.model.network import Network
from modrobust.store.parts import Part


class Modules:
    """Each module learns to undo one corruption; a composition is tested with the modules of its corruptions."""

    def __init__(
        self,
        lr: float,
        backbone_lr: float,
        weight: float,
        temperature: float,
        level: Level | Mapping[str, Level],
        pass_through: bool,
        search_epochs: int,
        routing: str = "told",
        router: Mapping[str, Any] = {},
    ) -> None:
        """Keep the settings.

        Args:
            lr: learning rate of modules.
            backbone_lr: learning rate of the backbone.
            weight: of the contrastive loss between module(corrupted) and the clean features before the module.
            temperature: of its similarities.
            level: where modules go, for all corruptions or for each; `auto` tries every level.
            pass_through: clean images go through the module, too, before they are classified; else they are classified
                by the features before the module. Cross entropy and accuracy are over both halves either way.
            search_epochs: epochs a level is tried for, with the schedule of the full training.
            routing: whether a test is told its composition; `inferred`: besides, it is estimated (see `Inferred`).
            router: how the network that estimates is trained; see `Inferring`.

        Raises:
            UserError: search_epochs is below 1, or there is no such routing.
        """
        if search_epochs < 1:
            raise UserError(f"method.search_epochs={search_epochs}: a whole number of at least 1 is needed.")
        self.lr, self.backbone_lr, self.weight, self.temperature = lr, backbone_lr, weight, temperature
        self.level, self.pass_through, self.search_epochs = level, pass_through, search_epochs
        self.inferring = inferring(routing, router)

    def train(self, experiment: Experiment) -> Made:
        """Train backbone and modules, after searching their levels where they are not given."""
        names, probe = experiment.corruption.names, experiment.divided()
        experiment.images_a_step(2)  # like a wrong level told before the backbone is trained
        if self.inferring:
            self.inferring.check(experiment)
        given = {}
        if self.level != "auto":
            given = levels_of(self.level, names, probe, lowest=0)
        backbone = train_classifier(experiment, ("Identity",), self.backbone_lr)
        with frozen(backbone.network):
            if self.level == "auto":
                levels = choose_levels(names, range(probe.levels), partial(self._try, experiment, backbone))
            else:
                levels = Levels(given, [], ())
            trained = {name: self._module(experiment, backbone, name, levels.chosen[name]) for name in names}
        modules = {name: module for name, (module, _) in trained.items()}
        parts = (backbone.part, *levels.parts, *(part for _, part in trained.values()))
        made = Made(WithModules(backbone.network, modules, levels.chosen), parts, levels.tables)
        return self.inferring(experiment, made) if self.inferring else made

    def _part(self, experiment: Experiment, backbone: Classifier, name: str, level: int, purpose: str) -> Part:
        settings: dict[str, Any] = {
            "weight": self.weight,
            "temperature": self.temperature,
            "pass_through": self.pass_through,
        }
        if not self.pass_through:  # parts without this were trained on the corrupted half alone
            settings["classified"] = "both halves"
        where = {"level": level, "backbone": backbone.part.hash}
        return experiment.parts.part(
            f"{purpose}-{name}-level{level}", ("Identity", name), lr=self.lr, **settings, **where
        )

    def _try(self, experiment: Experiment, backbone: Classifier, name: str, level: int) -> Tried:
        """The best validation accuracy of a short training at this level."""
        epochs = min(self.search_epochs, experiment.training.epochs)
        part = self._part(experiment, backbone, name, level, f"search{epochs}")
        training = replace(experiment.training, epochs=epochs)
        self._fit(experiment, part, backbone.network, name, level, training, keep=False)
        return Tried(max(row["valid_accuracy"] for row in part.curve()), (part,))

    def _module(self, experiment: Experiment, backbone: Classifier, name: str, level: int) -> tuple[nn.Module, Part]:
        part = self._part(experiment, backbone, name, level, "module")
        return self._fit(experiment, part, backbone.network, name, level, experiment.training, keep=True), part

    def _fit(
        self,
        experiment: Experiment,
        part: Part,
        backbone: Network,
        name: str,
        level: int,
        training: Training,
        keep: bool,
    ) -> nn.Module:
        module, views = experiment.fresh(part, lambda: backbone.make_module(level)), experiment.views()
        clean_features = CleanFeatures(backbone, views, level, experiment.cache_gb)

        def scalars(batch: Batch) -> dict[str, Tensor]:
            with torch.no_grad():
                corrupted, clean = backbone.features(views.see(batch, (name,)), level), clean_features(batch)
            if self.pass_through:
                after = module(torch.cat([corrupted, clean]))
            else:
                after = torch.cat([module(corrupted), clean])
            logits, classes = backbone(after, level), batch.targets.repeat(2)
            loss = functional.cross_entropy(logits, classes)
            contrast = torch.zeros((), device=loss.device)
            if self.weight:
                pairs = torch.cat([after[: len(clean)], clean])
                contrast = self.weight * contrastive_loss(pairs, 2, self.temperature)
            parts = {"cross_entropy": loss.detach(), "contrastive": contrast.detach()}
            return {"loss": loss + contrast, "accuracy": accuracy(logits, classes), **parts}

        fit(part, module, Paired(views, module, scalars, experiment.images_a_step(2)), training, self.lr, keep)
        return module.eval()


class WithModules(nn.Module):
    """A predictor: a network with the modules of a composition; level by level, within a level in its order.

    Attributes:
        backbone: the network.
        inserted: the module of each corruption.
        levels: where it is.
    """

    def __init__(self, backbone: Network, modules: Mapping[str, nn.Module], levels: Mapping[str, int]) -> None:
        super().__init__()
        self.backbone, self.inserted, self.levels = backbone, nn.ModuleDict(modules), dict(levels)

    def forward(self, images: Tensor, composition: tuple[str, ...]) -> dict[str, Said]:
        """See `Predictor`."""
        features, at = images, 0
        here = [name for name in composition if name in self.inserted]
        for name in sorted(here, key=lambda name: self.levels[name]):
            features, at = self.backbone.features(features, self.levels[name], at), self.levels[name]
            features = self.inserted[name](features)
        return {"default": self.backbone.predict(features, at)}

    def inferred(self, images: Tensor, router: Router) -> tuple[dict[str, Said], Tensor]:
        """See `Estimating`. It is estimated once, from the image, for what a module leaves behind is no image.

        Modules are applied level by level, within a level that of the most certain corruption first.
        """
        order, modules = router.order(images), [*self.inserted.values()]
        levels, on_host = torch.tensor([self.levels[name] for name in self.inserted]), order.cpu()
        features, at = images, 0
        for level in sorted(set(self.levels.values())):
            features, at = self.backbone.features(features, level, at), level
            for which in on_host.unbind(1):
                features = applied(features, which.where(levels[which] == level, NONE), modules)
        return {"default": self.backbone.predict(features, at)}, marked(order, len(modules))
