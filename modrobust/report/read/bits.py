"""Runs of structured data: accuracy of every seed and split, learning curves, routing found."""

import csv
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from modrobust.report.read.results import read
from modrobust.report.read.spreadsheet import Damaged

SPLITS = ["train", "valid", "test", "test_seen", "test_unseen"]
TESTS = ("test", "test_unseen")  # the split that counts: the first that a run has
LEVELS = (95, 100)  # percent of test accuracy, the epochs to which are counted
FOUND = ("inputs", "modules")

Array = NDArray[np.float64]
Results = dict[str, dict[int, list[float]]]
"""split -> seed -> accuracy, loss"""


@dataclass(frozen=True)
class Bits:
    """What a run of structured data found.

    Attributes:
        dataset, model: their names.
        seeds: of its n replicas, in order.
        curve: test accuracy, percent, float (epochs, n); (0, n) without a test split.
        measures: by name an array float (n,), NaN where a seed has none: parameters_trained, accuracy_<split> (percent,
            last epoch), epochs_to_95 and epochs_to_100 (NaN: never), inputs_found and modules_found (percent),
            all_modules_found (100 or 0).
        losses: by split, float (n,).
    """

    dataset: str
    model: str
    seeds: Sequence[int]
    curve: Array
    measures: Mapping[str, Array]
    losses: Mapping[str, Array]

    def agrees(self, other: "Bits") -> bool:
        """Whether the seeds that both have got the same accuracies in both."""
        common = sorted(set(self.seeds) & set(other.seeds))
        mine, theirs = ([list(run.seeds).index(seed) for seed in common] for run in (self, other))
        names = [name for name in self.measures if name.startswith("accuracy_") and name in other.measures]
        return all(
            np.array_equal(self.measures[name][mine], other.measures[name][theirs], equal_nan=True) for name in names
        )

    def without(self, seeds: set[int]) -> "Bits":
        """The same without some seeds."""
        kept = [i for i, seed in enumerate(self.seeds) if seed not in seeds]
        measures, losses = (
            {name: values[kept] for name, values in some.items()} for some in (self.measures, self.losses)
        )
        left = [self.seeds[i] for i in kept]
        return replace(self, seeds=left, curve=self.curve[:, kept], measures=measures, losses=losses)


def read_bits(runs: Sequence[Path]) -> tuple[dict[Path, Bits], dict[Path, str]]:
    """Everything that some runs found.

    Returns:
        The runs; and for each run that has a damaged file a line that tells it.
    """
    rows, unread = read(runs)
    results: dict[str, Results] = defaultdict(lambda: defaultdict(dict))
    columns = (rows[name] for name in ("run", "split", "seed", "accuracy", "loss"))
    for run, split, seed, *values in zip(*columns, strict=True):  # a pivot of each run would take 7 ms
        results[run][split][seed] = values
    names = rows.drop_duplicates("run").set_index("run")[["dataset", "model"]].itertuples(name=None)
    found = {}
    for run, dataset, model in names:
        try:
            found[Path(run)] = _bits(Path(run), dataset, model, results[run])
        except Damaged as damage:
            unread[Path(run)] = f"{run}: {damage}"
    return found, unread


def _bits(run: Path, dataset: str, model: str, results: Results) -> Bits:
    seeds, curve = _curve(run / "curves.npz")
    if any(set(by_seed) != set(seeds) for by_seed in results.values()) or curve.shape[1:] != (len(seeds),):
        raise Damaged("results.csv and curves.npz are of different seeds")
    splits = sorted(results, key=_place)
    values = {split: np.array([results[split][seed] for seed in seeds], float).T for split in splits}
    measures = {}
    if parameters := _table(run / "parameters.csv", ["trained"]):
        measures["parameters_trained"] = np.full(len(seeds), parameters[0][0])
    measures |= {f"accuracy_{split}": accuracy for split, (accuracy, _) in values.items()}
    measures |= {f"epochs_to_{level}": epochs_to(curve, level) for level in LEVELS if len(curve)}
    pairs = [(name, f"{name}_true") for name in FOUND]
    if rows := _table(run / "found.csv", ["seed", *(name for pair in pairs for name in pair)]):
        by_seed = {int(seed): numbers for seed, *numbers in rows}
        if not set(seeds) <= set(by_seed):
            raise Damaged("found.csv has not all seeds")
        numbers = np.array([by_seed[seed] for seed in seeds])
        shares = {x: numbers[:, 2 * i] / numbers[:, 2 * i + 1] for i, x in enumerate(FOUND)}
        measures |= {
            f"{x}_found": 100 * share for x, share in (shares | {"all_modules": shares["modules"] == 1}).items()
        }
    return Bits(dataset, model, seeds, curve, measures, {split: loss for split, (_, loss) in values.items()})


def _curve(path: Path) -> tuple[list[int], Array]:
    try:
        with path.open("rb") as opened, np.load(opened) as curves:  # numpy itself would leave a damaged one open
            seeds = [int(seed) for seed in curves["seeds"]]
            tests = [f"{split}_accuracy" for split in TESTS if f"{split}_accuracy" in curves]
            return seeds, 100 * curves[tests[0]].astype(float) if tests else np.empty((0, len(seeds)))
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, zlib.error):
        raise Damaged(f"{path.name} is damaged") from None


def _table(path: Path, columns: Sequence[str]) -> list[list[float]]:
    """Some columns of a small table of numbers; no rows where it is not there. Pandas needs a millisecond for any."""
    if not path.exists():
        return []
    try:
        rows = csv.DictReader(StringIO(path.read_text(encoding="utf-8-sig")), strict=True)
        if not set(columns) <= set(rows.fieldnames or ()):
            raise Damaged(f"{path.name} is damaged")
        return [[float(row[name]) for name in columns] for row in rows]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        raise Damaged(f"{path.name} is damaged") from None


def _place(split: str) -> tuple[int, str]:
    return SPLITS.index(split) if split in SPLITS else len(SPLITS), split


def epochs_to(curve: Array, level: float) -> Array:
    """The first epoch, from 1, at which each column of a curve (epochs, n) is at or over a level; NaN: never."""
    reached = curve >= level - 1e-4  # curves are float32
    return np.where(reached.any(0), reached.argmax(0) + 1.0, np.nan) if len(curve) else np.full(curve.shape[1], np.nan)
