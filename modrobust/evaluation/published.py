"""Published corrupted images, such as CIFAR-10-C, tested as they lie."""

from pathlib import Path

import torch

from modrobust import interrupt
from modrobust.corruption.choice import Composition
from modrobust.dataset.corrupted import Corrupted
from modrobust.dataset.normalise import normalise
from modrobust.dataset.splits import Split
from modrobust.device import to_device
from modrobust.evaluation.results import Results
from modrobust.evaluation.testing import BATCHES
from modrobust.method.experiment import Experiment
from modrobust.method.made import Predictor, checked
from modrobust.progress import bar


def evaluate_published(
    predict: Predictor, experiment: Experiment, corrupted: Corrupted, severity: int, batch_size: int | str, folder: Path
) -> tuple[Results, Split]:
    """Predict the images of one severity under all corruptions that a folder has.

    They are those of the test split, where `dataset.n_test` limits it. A composition is named to the predictor where it
    was trained with that corruption, else it is told of none.

    Returns:
        What every image gave, and the images' targets and index.

    Raises:
        Interrupted: a signal came; what was done is saved in folder/evaluation.partial.npz.
    """
    dataset = experiment.dataset
    where = places(corrupted, dataset.splits["test"])
    split = Split(torch.empty(len(where), 0), corrupted.targets[where], where)
    compositions: list[Composition] = [(name,) for name in corrupted.files]
    results = Results(compositions, len(where), dataset.num_classes, False, experiment.device)
    size = BATCHES[experiment.device.type] if isinstance(batch_size, str) else batch_size
    partial = folder / "evaluation.partial.npz"
    results.restore(partial)
    title = f"{corrupted.name}, severity {severity}"
    total = len(where) * len(compositions)
    with interrupt.saving(), torch.inference_mode(), bar(title, total, int(results.done.sum())) as shown:
        for composition in compositions:
            known = tuple(name for name in composition if name in experiment.corruption.names)
            for start in range(int(results.done[results.place[composition]]), len(where), size):
                some = where[start : start + size]
                images = to_device(corrupted.images(composition[0], severity, some), experiment.device)
                targets = to_device(corrupted.targets[some], experiment.device)
                with experiment.training.autocast():
                    predicted = predict(normalise(images, dataset), known)
                for variant, (logits, units, *more) in checked(predicted, len(some), dataset.num_classes).items():
                    results.add(variant, composition, start, logits, units, targets, *more)
                results.done[results.place[composition]] += len(some)
                shown.advance(len(some))
                if (signum := interrupt.pending()) is not None:
                    results.save(partial)
                    raise interrupt.Interrupted(signum)
    return results, split


def places(corrupted: Corrupted, test: Split) -> torch.Tensor:
    """Which of the images of a severity are tested: int64."""
    index = test.index.cpu()
    return index[index < len(corrupted.targets)]
