"""Testing a predictor on compositions: every image, long-form rows. Knows no method by name."""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

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
from modrobust.errors import UserError
from modrobust.method.experiment import Predictor
from modrobust.progress import bar
from modrobust.store.files import disk_errors, write_atomically, write_npz

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


def split_asked(wanted: Mapping[str, Any], dataset: ImageDataset) -> str:
    """The split to test, of the configuration of the evaluation. Raises UserError where there is no such split."""
    if wanted["split"] not in dataset.splits:
        allowed = ", ".join(dataset.splits)
        raise UserError(f"evaluation.split={wanted['split']}: {dataset.name} has the splits {allowed}.")
    return str(wanted["split"])


class Results:
    """What every image under every composition gave, for each variant of a method; kept while batches come in.

    `done` counts each composition's images, so that an evaluation broken off within a batch goes on with the
    compositions that this batch still lacks, and counts no image twice.
    """

    def __init__(self, compositions: list[Composition], n_images: int, n_classes: int, activations: bool) -> None:
        self.compositions, self.n_images, self.n_classes = compositions, n_images, n_classes
        self.activations = activations
        self.place = {composition: i for i, composition in enumerate(compositions)}
        self.arrays: dict[str, np.ndarray[Any, Any]] = {}
        self.variants: list[str] = []
        self.done = np.zeros(len(compositions), np.int64)

    @property
    def start(self) -> int:
        """The first image that some composition lacks."""
        return int(self.done.min(initial=self.n_images))

    def lacking(self, image: int) -> list[Composition]:
        """The compositions that this image, at which some batch starts, was not tested under."""
        return [c for c, done in zip(self.compositions, self.done, strict=True) if done == image]

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

    def save(self, partial: Path) -> None:
        """Write what there is so far; not compressed, for a signal leaves little time."""
        write_npz(partial, {"done": self.done, "variants": np.array(self.variants), **self.arrays}, compressed=False)

    def restore(self, partial: Path) -> None:
        """Take over what an interrupted attempt has saved. A damaged file is named and passed over."""
        if not partial.exists():
            return
        try:
            with np.load(partial) as file:
                arrays = dict(file)
        except (OSError, ValueError, EOFError, BadZipFile):
            log.warning("%s is damaged: testing starts anew.", partial)
            return
        self.done = arrays.pop("done")
        self.variants = arrays.pop("variants").tolist()
        self.arrays = arrays
        log.info("testing: going on at image %d", self.start)

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
    results.restore(partial)
    saved = time.monotonic()
    with interrupt.saving(), torch.inference_mode(), bar("testing", len(split), results.start) as shown:
        while (start := results.start) < len(split):
            some = split.take(slice(start, start + batch_size), device)
            lacking = results.lacking(start)
            for composition, images in corrupted(corruption, lacking, some.inputs, split_name, some.index):
                for variant, (logits, units) in predict(normalise(images, dataset), composition).items():
                    results.add(variant, composition, start, logits, units, some.targets)
                    if activations == "raw":
                        _write_raw(folder / "features" / variant, composition, len(split), start, units)
                results.done[results.place[composition]] += len(some)
                signum = interrupt.pending()
                if signum is not None or time.monotonic() - saved >= checkpoint_seconds:
                    results.save(partial)
                    saved = time.monotonic()
                if signum is not None:
                    log.info("testing: saved at image %d of %d", results.start, len(split))
                    raise interrupt.Interrupted(signum)
            shown.advance(len(some))
            shown.say(_accuracy_so_far(results, split, results.start))
    return results


def write(results: Results, split: Split, folder: Path, columns: dict[str, Any]) -> None:
    """Write predictions.npz, activations.npz where there are any, and last results.csv.

    Nothing is written where no composition was tested: there may be more shares than compositions.

    Args:
        columns: values of the columns dataset, method, model, seed, split.

    predictions.npz: compositions (n,), index and targets (images,), and for each variant <variant>/losses
    float32 and <variant>/predictions int16, both (n, images). activations.npz: compositions, class_count
    (classes,), and for each variant <variant>/class_mean (n, classes, units) and <variant>/unit_max (n, units).
    """
    if not results.compositions:
        return
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


def _accuracy_so_far(results: Results, split: Split, done: int) -> str:
    targets = split.targets[:done].cpu().numpy()
    means = [(results.arrays[f"{v}/predictions"][:, :done] == targets).mean() for v in results.variants]
    return "accuracy " + " ".join(f"{100 * mean:.1f} %" for mean in means)


def _write_raw(folder: Path, composition: Composition, n_images: int, start: int, units: Tensor) -> None:
    """Not memory-mapped: on a full disk that would end the process by SIGBUS."""
    path = folder / f"{label(composition)}.npy"
    rows = units.float().cpu().numpy()
    with disk_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("r+b" if start else "wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (n_images, rows.shape[1])}
            np.lib.format.write_array_header_1_0(file, header)
            file.seek(start * rows[0].nbytes, os.SEEK_CUR)
            file.write(rows.tobytes())
