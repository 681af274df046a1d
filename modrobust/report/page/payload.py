"""What the page holds, as compressed text: the tables over runs, the runs, the example images."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from modrobust.report.page.folders import about
from modrobust.report.page.structured import views
from modrobust.report.read.groups import Group
from modrobust.report.read.lines import LINE
from modrobust.store.provenance import package_version

SERIES = ["run", "variant", "seed"]
LOSS_UNIT = 1e-4  # losses are whole multiples of it, which compress to half of what floats need


def payload(rows: pd.DataFrame, bits: Sequence[Group], folder: Path) -> dict[str, str]:
    """Everything in the page that is not its program, as base64 of gzip.

    Args:
        rows, bits, folder: see `write_page`.

    Returns:
        content: of JSON. quantiles, of Student's t with 1, 2, .. degrees of freedom at .975; runs; examples; version of
        this package; views, one for each dataset and split of images: kind (`images`), compositions, counts (of each
        its number of corruptions), groups (method, variant, model, settings), series (a run's variant: run, group,
        seed, n_images), chance (percent, or null); and one for each dataset of structured data (see `structured`).
        accuracies: of float32, little-endian, percent: of each view one after the other, a row for each series, a
        column for each composition; NaN where it was not tested.
        losses: of int32 alike, in units of LOSS_UNIT; negative where there is none.
    """
    runs = [*map(Path, rows["run"].unique()), *(run for group in bits for run in group.seeds)]
    number = {run: i for i, run in enumerate(runs)}
    described, pictures = about(runs, folder)
    found = []
    for (dataset, split), some in rows.groupby(["dataset", "split"], sort=False, observed=True):
        view, accuracy, loss = _view(some, number)
        classes = {described[one["run"]]["num_classes"] for one in view["series"]}
        known = [n for n in classes if n]
        chance = 100 / known[0] if len(known) == 1 else None
        named = {"kind": "images", "dataset": dataset, "split": split, "chance": chance}
        found.append(({**named, **view}, accuracy, loss))
    found += views(bits, number)
    seeds = max(len({one["seed"] for one in view["series"]}) for view, _, _ in found)
    content = {
        "quantiles": [round(float(q), 6) for q in stdtrit(np.arange(1, max(seeds, 2)), 0.975)],
        "lossUnit": LOSS_UNIT,
        "views": [view for view, _, _ in found],
        "runs": described,
        "examples": pictures,
        "version": package_version(),
    }
    accuracies = [accuracy.astype("<f4").tobytes() for _, accuracy, _ in found]
    losses = [_whole(loss).astype("<i4").tobytes() for _, _, loss in found]
    return {
        "content": _packed(json.dumps(content, separators=(",", ":")).encode()),
        "accuracies": _packed(b"".join(accuracies)),
        "losses": _packed(b"".join(losses)),
    }


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def _whole(loss: NDArray[Any]) -> NDArray[Any]:
    """Losses in units of LOSS_UNIT, -1 where there is none."""
    return np.where(np.isnan(loss), -1.0, np.rint(np.clip(loss, 0, 2e5) / LOSS_UNIT))


def _view(rows: pd.DataFrame, number: Mapping[Path, int]) -> tuple[dict[str, Any], NDArray[Any], NDArray[Any]]:
    """A dataset's split: its names, and accuracies and losses (series, compositions)."""
    compositions = rows.drop_duplicates("composition").sort_values("n_corruptions", kind="stable")
    groups = rows.drop_duplicates("line").sort_values("line")
    series = rows.drop_duplicates(SERIES)
    place = rows.groupby(SERIES, sort=False, observed=True).ngroup()
    column = pd.Index(compositions["composition"]).get_indexer(pd.Index(rows["composition"]))
    group = pd.Index(groups["line"]).get_indexer(pd.Index(series["line"]))
    accuracy = np.full((len(series), len(compositions)), np.nan)
    loss = np.full(accuracy.shape, np.nan)
    accuracy[place, column] = rows["accuracy"]
    loss[place, column] = rows["loss"]
    columns = (series["run"].map(Path).map(number), group, series["seed"], series["n_images"])
    names = ("run", "group", "seed", "n_images")
    view = {
        "compositions": compositions["composition"].tolist(),
        "counts": compositions["n_corruptions"].tolist(),
        "groups": groups[LINE].to_dict("records"),
        "series": [dict(zip(names, map(int, values), strict=True)) for values in zip(*columns, strict=True)],
    }
    return view, accuracy, loss
