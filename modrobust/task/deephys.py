"""What units do before and after each module, as files for Deephys."""

import contextlib
import io
import logging
from copy import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from modrobust.corruption.corruption import quantize
from modrobust.dataset.normalise import denormalise, normalise
from modrobust.dataset.splits import Split
from modrobust.errors import UserError, nearest
from modrobust.evaluation.testing import images_at_a_time
from modrobust.method.experiment import Experiment, Method
from modrobust.method.made import made_of
from modrobust.method.modes import evaluating
from modrobust.method.modules import Modules, WithModules
from modrobust.progress import bar
from modrobust.store.files import disk_errors

log = logging.getLogger(__name__)

LONGEST_NAME = 40  # characters, of the format


class Deephys:
    """Writes for each corruption <corruption>.model, and what corrupted and clean images do in its module:
    <corruption>.test and <corruption>-Identity.test.

    Layers are `before` and `after` the module, of maps the maximum over space, and the `logits`. Images are stored with
    three channels.
    """

    def __init__(self, corruptions: list[str] | None, split: str, batch_size: int | str) -> None:
        """Keep the settings.

        Args:
            corruptions: whose modules; None for all elemental ones.
            split: whose images.
            batch_size: images a forward pass; auto as in an evaluation.

        Raises:
            UserError: corruptions are no list, or the package deephys is not there.
        """
        if isinstance(corruptions, str):
            raise UserError(f"task.corruptions={corruptions}: a list is needed, such as [{corruptions}].")
        try:
            import deephys  # noqa: F401
        except ImportError as error:
            raise UserError(f"task=deephys needs the package deephys: pip install deephys ({error}).") from error
        self.corruptions, self.split, self.batch_size = corruptions, split, batch_size

    def __call__(self, experiment: Experiment, method: Method, folder: Path) -> None:
        """Write the files that are missing.

        Raises:
            UserError: there is no such corruption or split, the method has no modules, or features are below zero.
        """
        dataset, names = experiment.dataset, experiment.corruption.names
        if self.split not in dataset.splits:
            near, allowed = nearest(self.split, dataset.splits), ", ".join(dataset.splits)
            raise UserError(f"task.split={self.split}: {dataset.name} has the splits {allowed}.{near}")
        for name in self.corruptions or ():
            if name not in names:
                raise UserError(f"task.corruptions: no '{name}'.{nearest(name, names)} Allowed: {', '.join(names)}.")
        if not isinstance(method, Modules):
            raise UserError("task=deephys looks at modules: choose method=modules or method=auto_modules.")
        method = copy(method)
        method.inferring = None  # the same modules, without a router
        predictor = made_of(method.train(experiment)).predictor
        assert isinstance(predictor, WithModules)
        for name in self.corruptions or names:
            self._write(experiment, predictor, name, folder)
        log.info("written: %s", folder)

    def _write(self, experiment: Experiment, predictor: WithModules, name: str, folder: Path) -> None:
        import deephys

        dataset = experiment.dataset
        files = {seen: folder / f"{label}.test" for seen, label in ((name, name), ("Identity", f"{name}-Identity"))}
        missing = {seen: path for seen, path in files.items() if not path.exists()}
        for seen, path in missing.items():
            layers, images = self._activity(experiment, predictor, name, seen)
            if min(float(x.min()) for layer, x in layers.items() if layer != "logits") < 0:
                level = predictor.levels[name]
                raise UserError(f"{name}: features at level {level} are below zero; Deephys takes those after a ReLU.")
            units = {layer: activity.shape[1] for layer, activity in layers.items()}
            title = f"{dataset.name} {name} level {predictor.levels[name]}"
            model = deephys.model(title[:LONGEST_NAME], units, "logits")
            save(model, folder / f"{name}.model")
            targets = dataset.splits[self.split].targets.cpu().numpy()
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):  # its own bar
                activity = deephys.dataset_activity(
                    name=f"{path.stem} {self.split}"[:LONGEST_NAME],
                    category_names=[str(k) for k in range(dataset.num_classes)],
                    neural_activity={layer: x.numpy() for layer, x in layers.items()},
                    model=model,
                    images=((images + 0.5) / 255).clamp(max=1).numpy(),  # it truncates 255 times that
                    groundtruth=targets,
                )
            save(activity, path)

    def _activity(
        self, experiment: Experiment, predictor: WithModules, name: str, seen: str
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The layers (N, units) and the images uint8 (N, 3, H, W), under the corruption `seen`, on the CPU."""
        dataset, level = experiment.dataset, predictor.levels[name]
        split = dataset.splits[self.split]
        layers: dict[str, list[Tensor]] = {"before": [], "after": [], "logits": []}
        images = []
        title = f"{name}, {seen} images" if seen == "Identity" else name
        with evaluating(predictor), bar(title, len(split)) as shown:
            size = images_at_a_time(self.batch_size, experiment.device)
            for start in range(0, len(split), size):
                some: Split = split.take(slice(start, start + size), experiment.device)
                corrupted = quantize(experiment.corruption.apply(some.inputs, (seen,), self.split, some.index))
                before = predictor.backbone.features(normalise(corrupted, dataset), level)
                after = predictor.inserted[name](before)
                layers["logits"].append(predictor.backbone(after, level).cpu())
                if level == 0:  # the format wants no negative numbers
                    before, after = (denormalise(x, dataset) / 255 for x in (before, after))
                layers["before"].append(strongest(before))
                layers["after"].append(strongest(after))
                images.append(corrupted.expand(-1, 3, -1, -1).cpu())
                shown.advance(len(some))
                shown.say("images")
        return {layer: torch.cat(rows) for layer, rows in layers.items()}, torch.cat(images)


def strongest(features: Tensor) -> Tensor:
    """Maps (B, C, H, W) or units (B, C) -> float32 (B, C) on the CPU: the maximum over space."""
    return (features.flatten(2).amax(2) if features.ndim > 2 else features).float().cpu()


def save(content: Any, path: Path) -> None:
    """Save what the package made, under a temporary name first."""
    temporary = path.with_name(f".{path.name}.tmp")
    with disk_errors(path), contextlib.redirect_stdout(io.StringIO()):
        content.save(str(temporary))
        temporary.replace(path)
