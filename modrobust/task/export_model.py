"""The trained predictor of one composition as a file for torch alone."""

import logging
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn

from modrobust.corruption.choice import choose
from modrobust.corruption.composition import label
from modrobust.dataset.normalise import normalise
from modrobust.dataset.splits import ImageDataset
from modrobust.errors import UserError, nearest
from modrobust.method.bn_adapt import BatchNormAdaptation
from modrobust.method.experiment import Experiment, Method
from modrobust.method.inferred import Inferred
from modrobust.method.made import made_of
from modrobust.method.tent import Tent
from modrobust.store.files import write_atomically

log = logging.getLogger(__name__)


class ExportModel:
    """Writes <composition>[-<variant>].pt2: uint8 images (B, channels, H, W) -> logits float32 (B, classes).

    Normalisation is inside, and grey images are repeated to three channels. B is free. What the file has depends on
    the composition, which must be known: the modules or autoencoders of its corruptions, in its order.
    """

    def __init__(self, composition: str, variant: str | None) -> None:
        """Keep the settings.

        Args:
            composition: its label.
            variant: of the method; None where there is one.
        """
        self.composition, self.variant = composition, variant

    def __call__(self, experiment: Experiment, method: Method, folder: Path) -> None:
        """Export, unless the file is there.

        Raises:
            UserError: the composition or variant is unknown, or the method's predictor is no torch module, or adapts to
                the images that it is given.
        """
        if isinstance(method, BatchNormAdaptation | Tent):
            raise UserError(
                "method: it predicts an image by the others of its batch, which a file can't: choose "
                "method=cross_entropy, whose network it adapts."
            )
        dataset = experiment.dataset
        (composition,) = choose([], experiment.corruption.elemental, [self.composition], None)
        path = folder / f"{'-'.join([label(composition), *filter(None, [self.variant])])}.pt2"
        if path.exists():
            log.info("is there already: %s", path)
            return
        predictor = made_of(method.train(experiment)).predictor
        if isinstance(predictor, Inferred):
            predictor = predictor.told
        if not isinstance(predictor, nn.Module):
            raise UserError(f"method: a {type(predictor).__name__} predicts, which can't be exported: use nn.Module.")
        model = Alone(predictor, dataset, composition, self.variant).cpu().eval()
        images = dataset.splits["test"].inputs[:1].cpu().repeat(2, 1, 1, 1)  # of one, torch would make B a constant
        batch = {0: torch.export.Dim("batch")}
        with torch.no_grad():
            program = torch.export.export(model, (images,), dynamic_shapes=(batch,), strict=False)
        write_atomically(path, lambda file: torch.export.save(program, file))  # type: ignore[arg-type]
        log.info("written: %s", path)


class Alone(nn.Module):
    """Images to logits, for one composition and variant; a copy, of which only what it needs is kept."""

    def __init__(
        self, predictor: nn.Module, dataset: ImageDataset, composition: tuple[str, ...], variant: str | None
    ) -> None:
        """Choose and copy.

        Args:
            predictor: see `method.experiment.Predictor`.
            dataset: for its mean and std.
            composition: names.
            variant: None for the only one.

        Raises:
            UserError: there is no such variant, or there are several.
        """
        super().__init__()
        self.predictor, self.dataset, self.composition = deepcopy(predictor), dataset, composition
        some = dataset.splits["test"].inputs[:1].to(next(predictor.parameters()).device)
        with torch.no_grad():
            variants = list(predictor(normalise(some, dataset), composition))
        if (variant is None and len(variants) > 1) or (variant is not None and variant not in variants):
            near = nearest(variant or "", variants)
            raise UserError(f"task.variant={variant}: the method has {', '.join(variants)}.{near}")
        self.variant = variant or variants[0]
        for child in self.predictor.children():
            if isinstance(child, nn.ModuleDict):  # modules, autoencoders or classifiers by name
                for name in set(child) - {*composition, self.variant}:
                    del child[name]

    def forward(self, images: Tensor) -> Tensor:
        """uint8 (B, channels, H, W) -> logits float32 (B, classes)."""
        logits: Tensor = self.predictor(normalise(images, self.dataset), self.composition)[self.variant][0]
        return logits
