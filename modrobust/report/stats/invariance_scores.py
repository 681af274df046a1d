"""Invariance scores of runs that have activations.npz, beside their accuracies."""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from modrobust.corruption.composition import label, parse
from modrobust.report.read.lines import LINE, TABLE
from modrobust.report.say import say
from modrobust.report.stats.invariance import Scores, invariance

KEY = ["run", "variant", "composition"]
SCORES = ["elemental_score", "composition_score"]
COLUMNS = [*TABLE, *LINE, "seed", "composition", "n_corruptions", *SCORES, "accuracy", "run"]


def scored(rows: pd.DataFrame, runs: Sequence[Path]) -> pd.DataFrame:
    """Both scores and the accuracy (percent) of compositions of two or more corruptions.

    What has no scores is left out, and said in a line on stderr: runs without activations.npz beside runs that have
    one, damaged ones, and compositions whose elemental corruptions were not all tested alone.

    Args:
        rows: of results, with `line` and `settings`.
        runs: their folders.

    Returns:
        Columns COLUMNS and `line`; no rows where no run has activations.
    """
    having = [run for run in runs if (run / "activations.npz").exists()]
    if not having:
        return rows.assign(**dict.fromkeys(SCORES, np.nan))[[*COLUMNS, "line"]][:0]
    if without := [run for run in runs if run not in set(having)]:
        some = ", ".join(map(str, without[:2])) + (", ..." if len(without) > 2 else "")
        _say(f"{len(without)} of {len(runs)} runs lack activations.npz (evaluation.activations=true writes it): {some}")
    found: list[dict[str, object]] = []
    lacking: dict[str, set[str]] = defaultdict(set)
    for run in having:
        for variant, scores in _scores(run):
            for composition, rows_lacking in scores.lacking.items():
                for row in rows_lacking:
                    lacking[row].add(label(composition))
            columns = zip(scores.compositions, scores.elemental, scores.composition, strict=True)
            values = (dict(zip(SCORES, pair, strict=True)) | {"composition": label(c)} for c, *pair in columns)
            found += [{"run": str(run), "variant": variant, **value} for value in values]
    for row, some_lack in lacking.items():
        _say(f"compositions that contain {row} have none, for it was not tested alone: {len(some_lack)} of them")
    table = pd.DataFrame(found, columns=[*KEY, *SCORES])
    if dead := int(table["elemental_score"].isna().sum()):
        _say(f"{dead} compositions have none, for no unit tells the classes apart")
    return rows.merge(table.dropna(), "inner", KEY)[[*COLUMNS, "line"]]


def _say(text: str) -> None:
    say(f"invariance scores: {text}")


def _scores(run: Path) -> list[tuple[str, Scores]]:
    """The scores of each variant of a run, none where its file is damaged; classes without an image are left out."""
    path = run / "activations.npz"
    try:
        with path.open("rb") as opened, np.load(opened) as file:  # numpy itself would leave a damaged one open
            compositions = [parse(name) for name in file["compositions"].tolist()]
            present, scores = file["class_count"] > 0, []
            for key in file.files:
                variant, _, what = key.rpartition("/")
                if what == "class_mean":
                    maximum = file[f"{variant}/unit_max"]
                    scores.append((variant, invariance(file[key][:, present], maximum, compositions)))
            return scores
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):
        say(f"{path} is damaged: this run has no invariance scores.")
        return []
