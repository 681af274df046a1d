"""What the page holds of structured data: a view for each dataset, with a column for each split."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from modrobust.report.read.bits import FOUND, LEVELS, SPLITS, TESTS
from modrobust.report.read.groups import Group
from modrobust.report.read.settings import written
from modrobust.report.say import say
from modrobust.report.stats.intervals import mean_and_interval
from modrobust.report.tables.structure import cell, title

ACCURACY = "accuracy_"
EPOCHS = 100  # of a learning curve, at most: evenly by their logarithm
OF_SEEDS = (*(f"epochs_to_{level}" for level in LEVELS), *(f"{name}_found" for name in FOUND))

Matrix = NDArray[np.float64]


def views(groups: Sequence[Group], number: Mapping[Path, int]) -> list[tuple[dict[str, Any], Matrix, Matrix]]:
    """Of each dataset its view, accuracies (percent) and losses, both (series, splits), NaN where there is none.

    Args:
        groups: of all datasets.
        number: place of each run among those of the page.

    Returns:
        Views as those of images (see `payload`), where a series is a seed of a run and compositions are splits, and
        kind (``bits``); test (the split that counts, or null); groups have label, settings (by key; without dataset),
        measures (texts by title) and curves (see `_curves`); series have measures (numbers or null, as `measures`).
    """
    by_dataset: dict[str, list[Group]] = {}
    for group in groups:
        by_dataset.setdefault(str(group.settings["dataset.name"]), []).append(group)
    return [_view(dataset, some, number) for dataset, some in by_dataset.items()]


def _view(dataset: str, groups: Sequence[Group], number: Mapping[Path, int]) -> tuple[dict[str, Any], Matrix, Matrix]:
    having = {name.removeprefix(ACCURACY) for group in groups for name in group.measures if name.startswith(ACCURACY)}
    splits = [*(name for name in SPLITS if name in having), *sorted(having.difference(SPLITS))]
    seeds = [(run, seed) for group in groups for run, some in group.seeds.items() for seed in some]
    place = [i for i, group in enumerate(groups) for _ in range(group.n)]
    measures = [name for name in OF_SEEDS if any(name in group.measures for group in groups)]
    values = np.concatenate([_array(group.measures, measures, group.n) for group in groups])
    series = [
        {"run": number[run], "group": group, "seed": seed, "n_images": None, "measures": _numbers(of)}
        for (run, seed), group, of in zip(seeds, place, values, strict=True)
    ]
    view = {
        "kind": "bits",
        "dataset": dataset,
        "split": "",
        "chance": None,
        "compositions": splits,
        "counts": list(range(len(splits))),
        "test": next((split for split in TESTS if split in splits), None),
        "measures": [title(name) for name in measures],
        "groups": [_group(group) for group in groups],
        "series": series,
    }
    accuracies = [_array(group.measures, [ACCURACY + split for split in splits], group.n) for group in groups]
    losses = [_array(group.losses, splits, group.n) for group in groups]
    return view, np.concatenate(accuracies), np.concatenate(losses)


def _array(values: Mapping[str, Matrix], names: Sequence[str], n: int) -> Matrix:
    """(n, names), NaN where there is none."""
    nothing = np.full(n, np.nan)
    return np.stack([values.get(name, nothing) for name in names], 1) if names else np.empty((n, 0))


def _numbers(values: Matrix) -> list[float | None]:
    return [round(float(value), 4) if np.isfinite(value) else None for value in values]


def _group(group: Group) -> dict[str, Any]:
    settings = {key: value for key, value in group.settings.items() if key != "dataset.name"}
    others = " ".join(f"{key}={written(value)}" for key, value in settings.items() if key != "model.name")
    return {
        "label": f"{group.settings['model.name']} {others}".rstrip(),
        "settings": settings,
        "measures": {
            title(name): cell(name, values) for name, values in group.measures.items() if not name.startswith(ACCURACY)
        },
        "curves": _curves(group),
    }


def _curves(group: Group) -> dict[str, Any]:
    """Learning curves at some epochs: epochs, and by `<split>_accuracy` (percent) and `<split>_loss` mean and half.

    half is half of the 95 % interval over seeds; null where there is no number.
    """
    found: dict[str, list[Matrix]] = {}
    for run, seeds in group.seeds.items():
        for name, curve in _curves_of(run, seeds).items():
            found.setdefault(name, []).append(curve)
    last = min((len(curve) for some in found.values() for curve in some), default=0)
    if not last:
        return {}
    epochs = np.unique(np.rint(np.geomspace(1, last, EPOCHS)).astype(int))
    curves: dict[str, Any] = {"epochs": epochs.tolist()}
    for name, some in found.items():
        mean, half = mean_and_interval(np.concatenate([curve[epochs - 1] for curve in some], 1))
        curves[name] = {"mean": _numbers(mean), "half": _numbers(half)}
    return curves


def _curves_of(run: Path, seeds: Sequence[int]) -> dict[str, Matrix]:
    """All curves of a run, each (epochs, seeds)."""
    path = run / "curves.npz"
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            place = {int(seed): i for i, seed in enumerate(file["seeds"])}
            kept = [place[seed] for seed in seeds]
            names = [name for name in file.files if name.endswith(("_accuracy", "_loss"))]
            return {name: file[name][:, kept] * (100.0 if name.endswith("_accuracy") else 1.0) for name in names}
    except (OSError, ValueError, KeyError, IndexError, EOFError, BadZipFile, zlib.error):
        say(f"{path} is damaged: the page lacks its learning curves.")
        return {}
