"""results.csv and the arrays beside it: what every image under every composition gave."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from modrobust.corruption.choice import Composition
from modrobust.corruption.composition import label
from modrobust.dataset.splits import Split
from modrobust.store.files import write_atomically, write_npz, write_text

log = logging.getLogger(__name__)

COLUMNS = (
    *("dataset", "method", "variant", "model", "seed", "split", "composition"),
    *("n_corruptions", "n_images", "loss", "accuracy"),
)
DIAGNOSTIC = "diagnostic "
"""What the names of arrays of diagnostics begin with, after their variant's."""


class Results:
    """What every image under every composition gave, for each variant of a method; kept while batches come in.

    `done` counts each composition's images, so that an evaluation broken off within a batch goes on with the
    compositions that this batch still lacks, and counts no image twice. What comes in stays on the device, and is
    fetched once a checkpoint.
    """

    def __init__(
        self,
        compositions: list[Composition],
        n_images: int,
        n_classes: int,
        activations: bool,
        device: torch.device | None = None,
    ) -> None:
        self.compositions, self.n_images, self.n_classes = compositions, n_images, n_classes
        self.activations, self.device = activations, device or torch.device("cpu")
        self.place = {composition: i for i, composition in enumerate(compositions)}
        self.tensors: dict[str, Tensor] = {}
        self.variants: list[str] = []
        self.done = np.zeros(len(compositions), np.int64)

    @property
    def start(self) -> int:
        """The first image that some composition lacks."""
        return int(self.done.min(initial=self.n_images))

    def lacking(self, image: int) -> list[Composition]:
        """The compositions that this image, at which some batch starts, was not tested under."""
        return [c for c, done in zip(self.compositions, self.done, strict=True) if done == image]

    def add(
        self,
        variant: str,
        composition: Composition,
        start: int,
        logits: Tensor,
        units: Tensor,
        y: Tensor,
        diagnostics: Mapping[str, Tensor] | None = None,
    ) -> None:
        """One batch: logits (B, classes), penultimate units (B, U), classes (B,) of images start..start+B.

        Diagnostics are more numbers of every image (B,), by name.
        """
        if variant not in self.variants:
            self._make(variant, units.shape[1])
        i, where = self.place[composition], slice(start, start + len(y))
        loss = functional.cross_entropy(logits, y, reduction="none")
        self.tensors[f"{variant}/losses"][i, where] = loss.float()
        self.tensors[f"{variant}/predictions"][i, where] = logits.argmax(1).short()
        for name, values in (diagnostics or {}).items():
            key = f"{variant}/{DIAGNOSTIC}{name}"
            if key not in self.tensors:
                self.tensors[key] = torch.zeros(len(self.compositions), self.n_images, device=self.device)
            self.tensors[key][i, where] = values.float()
        if self.activations:
            sums = torch.zeros(self.n_classes, units.shape[1], dtype=torch.float64, device=units.device)
            sums.index_add_(0, y, units.double())
            self.tensors[f"{variant}/class_sum"][i] += sums
            maximum = self.tensors[f"{variant}/unit_max"][i]
            torch.maximum(maximum, units.amax(0).float(), out=maximum)

    def _make(self, variant: str, units: int) -> None:
        n = len(self.compositions)
        self.variants.append(variant)
        self.tensors[f"{variant}/losses"] = torch.zeros(n, self.n_images, device=self.device)
        self.tensors[f"{variant}/predictions"] = torch.zeros(n, self.n_images, dtype=torch.int16, device=self.device)
        if self.activations:
            shape = (n, self.n_classes, units)
            self.tensors[f"{variant}/class_sum"] = torch.zeros(shape, dtype=torch.float64, device=self.device)
            self.tensors[f"{variant}/unit_max"] = torch.full((n, units), -torch.inf, device=self.device)

    @property
    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """What there is so far, fetched from the device."""
        return {name: tensor.cpu().numpy() for name, tensor in self.tensors.items()}

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
        self.tensors = {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}
        log.info("testing: going on at image %d", self.start)

    def rows(self, targets: np.ndarray[Any, Any], columns: dict[str, Any]) -> pd.DataFrame:
        """results.csv: a row for each variant and composition; loss in nats, accuracy in percent."""
        rows, arrays = [], self.arrays
        for variant in self.variants:
            loss = arrays[f"{variant}/losses"].astype(np.float64).mean(1)
            accuracy = 100 * (arrays[f"{variant}/predictions"] == targets).mean(1)
            for i, composition in enumerate(self.compositions):
                row = {
                    "variant": variant,
                    "composition": label(composition),
                    "n_corruptions": len(composition),
                }
                rows.append({**columns, **row, "n_images": self.n_images, "loss": loss[i], "accuracy": accuracy[i]})
        return pd.DataFrame(rows, columns=[*COLUMNS, *(name for name in columns if name not in COLUMNS)])

    def diagnostics(self) -> pd.DataFrame:
        """diagnostics.csv: a row for each variant that has some and each composition, with means over images."""
        found: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
        for key, values in self.arrays.items():
            variant, _, name = key.partition(f"/{DIAGNOSTIC}")
            if name:
                found.setdefault(variant, {})[name] = values.mean(1, dtype=np.float64)
        compositions = {
            "composition": [label(one) for one in self.compositions],
            "n_corruptions": [len(one) for one in self.compositions],
        }
        tables = [pd.DataFrame({"variant": variant, **compositions, **means}) for variant, means in found.items()]
        return pd.concat(tables) if tables else pd.DataFrame()


def write(results: Results, split: Split, folder: Path, columns: dict[str, Any]) -> None:
    """Write predictions.npz, activations.npz and diagnostics.csv where there are any, and last results.csv.

    Nothing is written where no composition was tested: there may be more shares than compositions.

    Args:
        columns: values of the columns dataset, method, model, seed, split, and perhaps of more.

    predictions.npz: compositions (n,), index and targets (images,), and for each variant <variant>/losses
    float32, <variant>/predictions int16 and perhaps diagnostics float32, all (n, images). activations.npz:
    compositions, class_count (classes,), and for each variant <variant>/class_mean (n, classes, units) and
    <variant>/unit_max (n, units).
    """
    if not results.compositions:
        return
    targets = split.targets.cpu().numpy()
    labels = np.array([label(composition) for composition in results.compositions])
    common = {"compositions": labels, "index": split.index.cpu().numpy(), "targets": targets}
    found = results.arrays
    images = {k: v for k, v in found.items() if k.endswith(("/losses", "/predictions")) or f"/{DIAGNOSTIC}" in k}
    write_npz(folder / "predictions.npz", {**common, **images})
    if results.activations:
        count = np.bincount(targets, minlength=results.n_classes)
        arrays: dict[str, np.ndarray[Any, Any]] = {"compositions": labels, "class_count": count}
        for variant in results.variants:
            sums = found[f"{variant}/class_sum"]
            arrays[f"{variant}/class_mean"] = (sums / np.maximum(count, 1)[:, None]).astype(np.float32)
            arrays[f"{variant}/unit_max"] = found[f"{variant}/unit_max"]
        write_npz(folder / "activations.npz", arrays)
    said = results.diagnostics()
    if len(said):
        write_text(folder / "diagnostics.csv", said.to_csv(index=False, lineterminator="\n"))
    table = results.rows(targets, columns)
    write_atomically(folder / "results.csv", lambda file: table.to_csv(file, index=False, lineterminator="\n"))
    (folder / "evaluation.partial.npz").unlink(missing_ok=True)
