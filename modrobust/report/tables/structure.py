"""Runs of structured data, pooled over seeds: accuracy, epochs needed, routing found."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from modrobust.errors import UserError
from modrobust.report.read.settings import configurations, differing, written
from modrobust.report.stats.intervals import mean_and_interval
from modrobust.report.tables.formats import Section, Table

SPLITS = ["train", "valid", "test", "test_seen", "test_unseen"]
TESTS = ("test", "test_unseen")  # the split that counts: the first that a run has
LEVELS = (95, 100)  # percent of test accuracy, the epochs to which are counted
FOUND = ("inputs", "modules")


@dataclass(frozen=True)
class Group:
    """Runs of equal settings, with n seeds.

    Attributes:
        settings: dataset.name, model.name, and what else differs (see `settings.differing`).
        curve: test accuracy, percent, float (epochs, n); (0, n) without a test split.
        measures: by name an array float (n,), NaN where a seed has none: parameters_trained, accuracy_<split> (percent,
            last epoch), epochs_to_95 and epochs_to_100 (NaN: never), inputs_found and modules_found (percent).
    """

    settings: Mapping[str, Any]
    curve: np.ndarray
    measures: Mapping[str, np.ndarray]

    @property
    def n(self) -> int:
        """The number of seeds."""
        return self.curve.shape[1]

    def final(self) -> np.ndarray:
        """Test accuracy at the last epoch, percent, float (n,); NaN without a test split."""
        names = [f"accuracy_{split}" for split in TESTS if f"accuracy_{split}" in self.measures]
        return self.measures[names[0]] if names else np.full(self.n, np.nan)


def groups(folders: Iterable[Path]) -> list[Group]:
    """Pool runs of equal settings over their seeds; sorted by settings.

    Raises:
        UserError: two runs of equal settings have a seed in common, or a file of a run is missing or damaged.
    """
    runs = defaultdict(list)
    for folder, settings in differing(configurations(sorted(folders))).items():
        runs[tuple(settings.items())].append(folder)
    return [_pooled(dict(key), runs[key]) for key in sorted(runs, key=_order)]


def _pooled(settings: Mapping[str, Any], folders: Sequence[Path]) -> Group:
    """Runs of equal settings as one group."""
    runs = [_read(folder) for folder in folders]
    for (a, one), (b, other) in combinations(zip(folders, runs, strict=True), 2):
        if common := sorted(set(one.seeds) & set(other.seeds)):
            raise UserError(f"{a} and {b} have equal settings, and both have seed {common[0]}: leave one of them out.")
    names = dict.fromkeys(name for run in runs for name in run.measures)
    lacking = [np.full(len(run.seeds), np.nan) for run in runs]
    pairs = list(zip(runs, lacking, strict=True))
    measures = {name: np.concatenate([run.measures.get(name, nan) for run, nan in pairs]) for name in names}
    epochs = min(len(run.curve) for run in runs)
    return Group(settings, np.concatenate([run.curve[:epochs] for run in runs], 1), measures)


@dataclass(frozen=True)
class _Run:
    seeds: list[int]
    curve: np.ndarray
    measures: Mapping[str, np.ndarray]


def _read(folder: Path) -> _Run:
    try:
        with np.load(folder / "curves.npz") as curves:
            seeds = curves["seeds"].tolist()
            tests = [f"{split}_accuracy" for split in TESTS if f"{split}_accuracy" in curves]
            curve = 100 * curves[tests[0]].astype(float) if tests else np.empty((0, len(seeds)))
        results = pd.read_csv(folder / "results.csv").pivot_table("accuracy", "seed", "split").reindex(seeds)
        measures = {}
        if (folder / "parameters.csv").exists():
            trained = float(pd.read_csv(folder / "parameters.csv")["trained"].iloc[0])
            measures["parameters_trained"] = np.full(len(seeds), trained)
        splits = sorted(results, key=lambda split: (SPLITS.index(split) if split in SPLITS else len(SPLITS), split))
        measures |= {f"accuracy_{split}": results[split].to_numpy(float) for split in splits}
        measures |= {f"epochs_to_{level}": epochs_to(curve, level) for level in LEVELS if tests}
        if (folder / "found.csv").exists():
            found = pd.read_csv(folder / "found.csv").set_index("seed").reindex(seeds)
            measures |= {f"{x}_found": 100 * (found[x] / found[f"{x}_true"]).to_numpy(float) for x in FOUND}
    except KeyError as error:
        raise UserError(f"{folder}: its files lack {error}.") from None
    except (OSError, ValueError, IndexError, BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{folder}: a file cannot be read: {reason}.") from None
    return _Run(seeds, curve, measures)


def epochs_to(curve: np.ndarray, level: float) -> np.ndarray:
    """The first epoch, from 1, at which each column of a curve (epochs, n) is at or over a level; NaN: never."""
    reached = curve >= level - 1e-4  # curves are float32
    return np.where(reached.any(0), reached.argmax(0) + 1.0, np.nan) if len(curve) else np.full(curve.shape[1], np.nan)


def long(some: Sequence[Group]) -> pd.DataFrame:
    """A row for each group and measure.

    Returns:
        Columns: the settings; measure; value (the mean over seeds, of epochs_to_* the median); interval (half width of
        the 95 % t interval of a mean of accuracies or shares); n (seeds that have a value); seeds (all).
    """
    rows = []
    for group in some:
        for measure, values in group.measures.items():
            value, interval, n = summary(measure, values)
            numbers = {"measure": measure, "value": value, "interval": interval, "n": n, "seeds": group.n}
            rows.append({**group.settings, **numbers})
    columns = [*setting_keys(some), "measure", "value", "interval", "n", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def summary(measure: str, values: np.ndarray) -> tuple[float, float, int]:
    """One number over the seeds that have one, its interval (NaN: none), and how many they are."""
    values = values[np.isfinite(values)]
    if measure.startswith("epochs_to_"):
        return float(np.median(values)) if len(values) else np.nan, np.nan, len(values)
    mean, interval = mean_and_interval(values)
    return float(mean), np.nan if measure == "parameters_trained" else float(interval), len(values)


def setting_keys(some: Iterable[Group]) -> list[str]:
    """All settings of some groups, in order."""
    return list(dict.fromkeys(key for group in some for key in group.settings))


def structure_table(some: Sequence[Group], notes: Mapping[str, Sequence[str]]) -> Table:
    """A section for each dataset, with a line for each group. A setting that a model does not have is `-`.

    Args:
        notes: what stands below, by dataset.
    """
    datasets = dict.fromkeys(str(group.settings["dataset.name"]) for group in some)
    sections = [
        _section(name, [g for g in some if g.settings["dataset.name"] == name], notes.get(name, ()))
        for name in datasets
    ]
    return Table("structure", sections, long(some))


def _section(dataset: str, some: Sequence[Group], notes: Sequence[str]) -> Section:
    keys = [key for key in setting_keys(some) if key not in ("dataset.name", "model.name")]
    measured = dict.fromkeys(measure for group in some for measure in group.measures)
    names = [name for name in _measures() if name in measured]
    names += [name for name in measured if name not in names]
    title = (
        f"Accuracy (%) on {dataset} at the last epoch: mean and 95 % interval over n seeds; first epoch of that "
        "test accuracy: median over the seeds that reach it (how many do); share (%) of the true structure found"
    )
    lines = []
    for group in some:
        settings = [written(group.settings[key]) if key in group.settings else "-" for key in keys]
        cells = [_cell(name, group.measures[name]) if name in group.measures else "missing" for name in names]
        lines.append([str(group.settings["model.name"]), *settings, str(group.n), *cells])
    return Section(title, ["model", *keys, "n", *map(_title, names)], lines, notes)


def _title(measure: str) -> str:
    if measure.startswith("epochs_to_"):
        return f"epochs to {measure.removeprefix('epochs_to_')} %"
    return (
        measure.removeprefix("accuracy_").removeprefix("parameters_").replace("trained", "parameters").replace("_", " ")
    )


def _cell(measure: str, values: np.ndarray) -> str:
    value, interval, n = summary(measure, values)
    if measure.startswith("epochs_to_"):
        return f"{value:g} ({n} of {len(values)})" if n else f"never (0 of {len(values)})"
    if not n:
        return "missing"
    text = f"{value:.0f}" if measure == "parameters_trained" else f"{value:.1f}"
    text += "" if np.isnan(interval) else f" ± {interval:.1f}"
    return text if n == len(values) else f"{text} ({n} of {len(values)})"


def _measures() -> list[str]:
    accuracies = [f"accuracy_{split}" for split in SPLITS]
    return ["parameters_trained", *accuracies, *(f"epochs_to_{x}" for x in LEVELS), *(f"{x}_found" for x in FOUND)]


def _order(settings: Iterable[tuple[str, Any]]) -> list[tuple[str, bool, float, str]]:
    """Numbers by size, after text."""
    number = {key: isinstance(value, int | float) for key, value in settings}
    return [(key, number[key], float(value) if number[key] else 0.0, str(value)) for key, value in settings]
