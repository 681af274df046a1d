"""Testing a predictor on compositions: every image, long-form rows. Knows no method by name."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from modrobust import interrupt
from modrobust.corruption.composition import label
from modrobust.corruption.corruption import Corruption, quantize
from modrobust.dataset.normalise import normalise
from modrobust.dataset.splits import ImageDataset, Split
from modrobust.files import write_atomically, write_npz
from modrobust.method.experiment import Predictor
from modrobust.progress import bar

log = logging.getLogger(__name__)

Composition = tuple[str, ...]

COLUMNS = (
    *("dataset", "method", "variant", "model", "seed", "split", "composition"),
    *("n_corruptions", "n_images", "loss", "accuracy"),
)


def corrupted(
    corruption: Corruption, compositions: list[Composition], images: Tensor, split: str, index: Tensor
) -> Iterator[tuple[Composition, Tensor]]:
    """One batch under every composition, each common prefix computed once.

    Args:
        images: uint8 (B, C, H, W).
        split, index: key the random draws.

    Yields:
        (composition, uint8 (B, C, H, W)), in order of prefixes.
    """
    wanted = set(compositions)
    stages: list[tuple[Composition, Tensor]] = [((), images.float())]
    for composition in sorted(wanted):
        while stages[-1][0] != composition[: len(stages[-1][0])]:
            stages.pop()
        while len(prefix := stages[-1][0]) < len(composition):
            name = composition[len(prefix)]
            step = corruption.step(stages[-1][1], name, len(prefix), split, index)
            stages.append(((*prefix, name), step))
        yield composition, quantize(stages[-1][1])


class Results:
    """What every image under every composition gave, for each variant of a method; kept while batches come in."""

    def __init__(self, compositions: list[Composition], n_images: int, n_classes: int, activations: bool) -> None:
        self.compositions, self.n_images, self.n_classes = compositions, n_images, n_classes
        self.activations = activations
        self.place = {composition: i for i, composition in enumerate(compositions)}
        self.arrays: dict[str, np.ndarray[Any, Any]] = {}
        self.variants: list[str] = []

    def add(self, variant: str, composition: Composition, start: int, logits: Tensor, units: Tensor, y: Tensor) -> None:
        """One batch: logits (B, classes), penultimate units (B, U), classes (B,) of images start..start+B."""
        if variant not in self.variants:
            self._make(variant, units.shape[1])
        i, where = self.place[composition], slice(start, start + len(y))
        loss = functional.cross_entropy(logits, y, reduction="none")
        self.arrays[f"{variant}/losses"][i, where] = loss.float().cpu().numpy()
        self.arrays[f"{variant}/predictions"][i, where] = logits.argmax(1).cpu().numpy()
        if self.activations:
            sums = torch.zeros(self.n_classes, units.shape[1], dtype=torch.float64, device=units.device)
            sums.index_add_(0, y, units.double())
            self.arrays[f"{variant}/class_sum"][i] += sums.cpu().numpy()
            maximum = self.arrays[f"{variant}/unit_max"][i]
            np.maximum(maximum, units.amax(0).float().cpu().numpy(), out=maximum)

    def _make(self, variant: str, units: int) -> None:
        n = len(self.compositions)
        self.variants.append(variant)
        self.arrays[f"{variant}/losses"] = np.zeros((n, self.n_images), np.float32)
        self.arrays[f"{variant}/predictions"] = np.zeros((n, self.n_images), np.int16)
        if self.activations:
            self.arrays[f"{variant}/class_sum"] = np.zeros((n, self.n_classes, units), np.float64)
            self.arrays[f"{variant}/unit_max"] = np.full((n, units), -np.inf, np.float32)

    def rows(self, targets: np.ndarray[Any, Any], columns: dict[str, Any]) -> pd.DataFrame:
        """results.csv: a row for each variant and composition; loss in nats, accuracy in percent."""
        rows = []
        for variant in self.variants:
            loss = self.arrays[f"{variant}/losses"].astype(np.float64).mean(1)
            accuracy = 100 * (self.arrays[f"{variant}/predictions"] == targets).mean(1)
            for i, composition in enumerate(self.compositions):
                row = {
                    "variant": variant,
                    "composition": label(composition),
                    "n_corruptions": len(composition),
                }
                rows.append({**columns, **row, "n_images": self.n_images, "loss": loss[i], "accuracy": accuracy[i]})
        return pd.DataFrame(rows, columns=list(COLUMNS))


def evaluate(
    predict: Predictor,
    dataset: ImageDataset,
    split_name: str,
    corruption: Corruption,
    compositions: list[Composition],
    batch_size: int,
    device: torch.device,
    folder: Path,
    activations: bool | str = False,
    checkpoint_seconds: float = 60.0,
) -> Results:
    """Predict all images of a split under all compositions; resumes what an earlier attempt left in `folder`.

    Args:
        activations: also class means and unit maxima of penultimate features; 'raw' writes the features
            themselves to folder/features/<variant>/<composition>.npy, float32 (images, units).

    Raises:
        Interrupted: a signal came; what was done is saved in folder/evaluation.partial.npz.
    """
    split = dataset.splits[split_name]
    results = Results(compositions, len(split), dataset.num_classes, bool(activations))
    partial = folder / "evaluation.partial.npz"
    start = _restore(results, partial)
    saved = time.monotonic()
    with interrupt.saving(), torch.inference_mode(), bar("testing", len(split), start) as shown:
        while start < len(split):
            some = split.take(slice(start, start + batch_size), device)
            for composition, images in corrupted(corruption, compositions, some.inputs, split_name, some.index):
                for variant, (logits, units) in predict(normalise(images, dataset), composition).items():
                    results.add(variant, composition, start, logits, units, some.targets)
                    if activations == "raw":
                        _write_raw(folder / "features" / variant, composition, len(split), start, units)
                if interrupt.pending() is not None:
                    break
            else:
                start += len(some)
                shown.advance(len(some))
                shown.say(_accuracy_so_far(results, split, start))
            signum = interrupt.pending()
            whole = signum is None or not activations  # a batch broken off is in the class sums already
            if whole and (signum is not None or time.monotonic() - saved >= checkpoint_seconds):
                write_npz(
                    partial,
                    {"start": np.array(start), "variants": np.array(results.variants), **results.arrays},
                )
                saved = time.monotonic()
            if signum is not None:
                log.info("testing: saved at image %d of %d", start, len(split))
                raise interrupt.Interrupted(signum)
    return results


def write(results: Results, split: Split, folder: Path, columns: dict[str, Any]) -> None:
    """Write predictions.npz, activations.npz where there are any, and last results.csv.

    Args:
        columns: values of the columns dataset, method, model, seed, split.

    predictions.npz: compositions (n,), index and targets (images,), and for each variant <variant>/losses
    float32 and <variant>/predictions int16, both (n, images). activations.npz: compositions, class_count
    (classes,), and for each variant <variant>/class_mean (n, classes, units) and <variant>/unit_max (n, units).
    """
    targets = split.targets.cpu().numpy()
    labels = np.array([label(composition) for composition in results.compositions])
    common = {"compositions": labels, "index": split.index.cpu().numpy(), "targets": targets}
    images = {k: v for k, v in results.arrays.items() if k.endswith(("/losses", "/predictions"))}
    write_npz(folder / "predictions.npz", {**common, **images})
    if results.activations:
        count = np.bincount(targets, minlength=results.n_classes)
        arrays: dict[str, np.ndarray[Any, Any]] = {"compositions": labels, "class_count": count}
        for variant in results.variants:
            sums = results.arrays[f"{variant}/class_sum"]
            arrays[f"{variant}/class_mean"] = (sums / np.maximum(count, 1)[:, None]).astype(np.float32)
            arrays[f"{variant}/unit_max"] = results.arrays[f"{variant}/unit_max"]
        write_npz(folder / "activations.npz", arrays)
    table = results.rows(targets, columns)
    write_atomically(folder / "results.csv", lambda file: table.to_csv(file, index=False, lineterminator="\n"))
    (folder / "evaluation.partial.npz").unlink(missing_ok=True)


def _restore(results: Results, partial: Path) -> int:
    """Take over what an interrupted attempt had; the first image still to be tested."""
    if not partial.exists():
        return 0
    with np.load(partial) as arrays:
        results.variants = [str(variant) for variant in arrays["variants"]]
        results.arrays = {name: arrays[name] for name in arrays.files if name not in ("start", "variants")}
        start = int(arrays["start"])
    log.info("testing: going on at image %d", start)
    return start


def _accuracy_so_far(results: Results, split: Split, done: int) -> str:
    targets = split.targets[:done].cpu().numpy()
    means = [(results.arrays[f"{v}/predictions"][:, :done] == targets).mean() for v in results.variants]
    return "accuracy " + " ".join(f"{100 * mean:.1f} %" for mean in means)


def _write_raw(folder: Path, composition: Composition, n_images: int, start: int, units: Tensor) -> None:
    path = folder / f"{label(composition)}.npy"
    if start == 0:
        folder.mkdir(parents=True, exist_ok=True)
        raw = np.lib.format.open_memmap(path, "w+", np.float32, (n_images, units.shape[1]))
    else:
        raw = np.lib.format.open_memmap(path, "r+")
    raw[start : start + len(units)] = units.float().cpu().numpy()
    raw.flush()
