"""Testing networks on structured data: a row for each seed and split. Knows no method by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from torch import Tensor

from modrobust.dataset.structure import StructuredDataset
from modrobust.errors import UserError
from modrobust.evaluation.compositions import COLUMNS
from modrobust.store.files import write_atomically, write_npz

EVERY = "all"


class Trained(Protocol):
    """What a method for structured data returns."""

    seeds: list[int]

    def outputs(self, split: str) -> dict[str, Tensor]:
        """All rows of a split: logits float32 (R, n, B), loss float32 (R, n), targets float32 (R or 1, n, B)."""


def splits_asked(wanted: Mapping[str, Any], dataset: StructuredDataset) -> list[str]:
    """The splits to test: one, or those of `all`.

    Args:
        wanted: the configuration of the evaluation, of which only `split` concerns bits.

    Raises:
        UserError: there is no such split, or something is asked for that only images with classes have.
    """
    split = wanted["split"]
    if split != EVERY and split not in dataset.splits:
        allowed = ", ".join([*dataset.splits, EVERY])
        raise UserError(f"evaluation.split={split}: {dataset.name} has the splits {allowed}.")
    for key, neutral in (("compositions", None), ("max_length", None), ("shard", "1/1"), ("activations", False)):
        if wanted[key] != neutral:
            raise UserError(f"evaluation.{key}={wanted[key]}: dataset={dataset.name} has no corruptions to compose.")
    return list(dataset.splits) if split == EVERY else [split]


def evaluate_bits(
    trained: Trained, dataset: StructuredDataset, wanted: Mapping[str, Any], folder: Path, columns: dict[str, Any]
) -> None:
    """Write predictions.npz and, last, results.csv (see evaluation.COLUMNS; accuracy is the percentage of right bits).

    predictions.npz: seeds (R,), and for each split <split>/logits float32 (R, n, B) and <split>/targets bool
    (R or 1, n, B).

    Args:
        wanted: see `splits_asked`.
        columns: values of the columns dataset, method, model.
    """
    rows, arrays = [], {"seeds": np.array(trained.seeds)}
    for split in splits_asked(wanted, dataset):
        outputs = trained.outputs(split)
        right = ((outputs["logits"] > 0) == (outputs["targets"] > 0.5)).double().mean((1, 2))
        losses = outputs["loss"].double().mean(1)
        arrays[f"{split}/logits"] = outputs["logits"].cpu().numpy()
        arrays[f"{split}/targets"] = (outputs["targets"] > 0.5).cpu().numpy()
        for seed, loss, share in zip(trained.seeds, losses.tolist(), right.tolist(), strict=True):
            row = {**columns, "variant": "default", "seed": seed, "split": split, "composition": "Identity"}
            row |= {"n_corruptions": 0, "n_images": outputs["logits"].shape[1]}
            rows.append({**row, "loss": loss, "accuracy": 100 * share})
    write_npz(folder / "predictions.npz", arrays)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_atomically(folder / "results.csv", lambda file: table.to_csv(file, index=False, lineterminator="\n"))
