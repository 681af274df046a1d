"""Tables over runs of structured data: accuracy, epochs needed, routing found."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from modrobust.report.read.bits import FOUND, LEVELS, SPLITS
from modrobust.report.read.groups import Group
from modrobust.report.read.settings import written
from modrobust.report.stats.intervals import mean_and_interval
from modrobust.report.tables.formats import Section, Table


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
    heading = (
        f"Accuracy (%) on {dataset} at the last epoch: mean and 95 % interval over n seeds; first epoch of that "
        "test accuracy: median over the seeds that reach it (how many do); share (%) of the true structure found"
    )
    lines = []
    for group in some:
        settings = [written(group.settings[key]) if key in group.settings else "-" for key in keys]
        cells = [cell(name, group.measures[name]) if name in group.measures else "missing" for name in names]
        lines.append([str(group.settings["model.name"]), *settings, str(group.n), *cells])
    return Section(heading, ["model", *keys, "n", *map(title, names)], lines, notes)


def title(measure: str) -> str:
    """What people call a measure of groups."""
    if measure.startswith("epochs_to_"):
        return f"epochs to {measure.removeprefix('epochs_to_')} %"
    return (
        measure.removeprefix("accuracy_").removeprefix("parameters_").replace("trained", "parameters").replace("_", " ")
    )


def cell(measure: str, values: np.ndarray) -> str:
    """A measure over seeds for people, such as ``97.1 ± 0.8``, both of two, or ``32 (1 of 3)``, by one of three."""
    value, interval, n = summary(measure, values)
    if measure.startswith("epochs_to_"):
        return f"{value:g} ({n} of {len(values)})" if n else f"never (0 of {len(values)})"
    if not n:
        return "missing"
    text = f"{value:.0f}" if measure == "parameters_trained" else f"{value:.1f}"
    if n == 2 and measure != "parameters_trained":
        text = ", ".join(f"{one:.1f}" for one in np.sort(values[np.isfinite(values)]))
    elif not np.isnan(interval):
        text += f" ± {interval:.1f}"
    return text if n == len(values) else f"{text} ({n} of {len(values)})"


def _measures() -> list[str]:
    accuracies = [f"accuracy_{split}" for split in SPLITS]
    return ["parameters_trained", *accuracies, *(f"epochs_to_{x}" for x in LEVELS), *(f"{x}_found" for x in FOUND)]
