"""The lines of tables: runs that differ in nothing but the seed."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from modrobust.report.read.replicas import different_runs, named, told_apart
from modrobust.report.say import say

TABLE = ["dataset", "split"]
"""Columns of which every value has a table of its own."""
LINE = ["method", "variant", "model", "settings"]
ALIKE = ["method", "model", "settings"]
"""What a run is; a method may have several variants."""
METHODS = (
    *("cross_entropy", "contrastive", "auto_contrastive", "modules", "auto_modules", "img_space"),
    *("augmix", "bn_adapt", "tent", "pairs"),
)
"""These come first, in this order."""


def label(method: str, variant: str, model: str, settings: str) -> str:
    """What a line is called, such as ``img_space, joint_classifier (small_cnn) method.lr=0.1``."""
    name = method if variant == "default" else f"{method}, {variant}"
    return f"{name} ({model}) {settings}".rstrip()


def with_lines(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a column `line`: the label, a categorical in the order of tables.

    Args:
        rows: with the columns LINE.
    """
    groups = rows.groupby(LINE, sort=False, observed=True)
    keys = list(rows.loc[groups.cumcount() == 0, LINE].itertuples(index=False, name=None))
    order = sorted(range(len(keys)), key=lambda i: _rank(*keys[i]))
    codes = np.argsort(order)[groups.ngroup()]
    labels = pd.Index([label(*keys[i]) for i in order])
    return rows.assign(line=pd.Categorical.from_codes(codes, labels, ordered=True))


def once(rows: pd.DataFrame, known: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Rows, each once, of which several runs of equal settings and seed have the same.

    Where such runs found different accuracies, all runs of their lines get what tells them apart as a setting, and it
    is said; those that nothing tells apart are left out.

    Args:
        rows: with the columns LINE and run.
        known: under which circumstances runs were made (see `replicas.circumstances`).
    """
    same = [*TABLE, *LINE, "seed", "composition"]
    twice = rows[rows.duplicated(same, keep=False)]
    if twice.empty:
        return rows
    accuracies = twice.groupby(same, sort=False, observed=True)["accuracy"]
    different = twice[accuracies.transform("max") > accuracies.transform("min")]
    conflicts: dict[tuple[Hashable, ...], set[tuple[str, str]]] = defaultdict(set)
    for _, some in different.groupby([*TABLE, *LINE, "seed"], sort=False, observed=True):
        line = tuple(some[[*TABLE, *ALIKE]].iloc[0])
        by_run = some.pivot(index="composition", columns="run", values="accuracy")
        for one, other in combinations(map(str, by_run), 2):
            if (by_run[one] - by_run[other]).abs().max() > 0:
                conflicts[line].add((one, other))
    for line, pairs in conflicts.items():
        rows = _told_apart(rows, line, sorted(pairs), known)
    return rows.drop_duplicates(same)


def _told_apart(
    rows: pd.DataFrame,
    line: tuple[Hashable, ...],
    pairs: Sequence[tuple[str, str]],
    known: Mapping[str, Mapping[str, str]],
) -> pd.DataFrame:
    """Rows in which the runs of a line have what tells the pairs apart among their settings."""
    keys, alike = told_apart(pairs, known)
    if keys:
        say(different_runs(pairs[0], keys, known))
        here = (rows[[*TABLE, *ALIKE]] == list(line)).all(axis=1)
        more = {run: named(run, keys, known) for run in rows.loc[here, "run"].unique()}
        settings = rows["settings"].astype(str)
        told = (settings + " " + rows["run"].astype(str).map(more)).str.strip()
        rows = rows.assign(settings=settings.where(~here, told))
    for one, other in alike:
        say(
            f"{one} and {other} have equal settings and equal seeds but different accuracies, and nothing that is "
            "recorded tells them apart: both are left out. Name the folders of those to report."
        )
    return rows[~rows["run"].isin([run for pair in alike for run in pair])]


def _rank(method: str, variant: str, model: str, settings: str) -> tuple[object, ...]:
    place = METHODS.index(method) if method in METHODS else len(METHODS)
    return place, method, variant, model, [_by_size(*pair.partition("=")[::2]) for pair in settings.split(" ")]


def _by_size(key: str, value: str) -> tuple[str, float, str]:
    """Numbers by size, before text."""
    try:
        return key, float(value), ""
    except ValueError:
        return key, float("inf"), value
