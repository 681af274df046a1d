"""How a trial of a search did, as its run's folder tells. Imports no torch."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import pandas as pd

from modrobust.errors import UserError
from modrobust.search.steps import Values
from modrobust.store.files import read_json
from modrobust.store.folders import status_of

SETTLED = ("done", "diverged", "failed", "pruned")
"""States of trials that have ended; which of them is best can be told when all have."""


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        values: keys with dots and their values.
        runs: folders, one for each seed of the search.
        run: of them the first that is not done, else the first: what the state and the error are about.
        state: as in the run's status.json; diverged: training failed, and would again; pruned; missing.
        scores: of the runs that are done before `run`.
        error: one line where it failed or was pruned.
    """

    values: Values
    runs: tuple[Path, ...]
    run: Path
    state: str
    scores: tuple[float, ...] = ()
    error: str | None = None

    @property
    def score(self) -> float | None:
        """The mean over seeds; None where one is not done."""
        return fmean(self.scores) if self.state == "done" else None

    @property
    def settled(self) -> bool:
        """Whether it has ended."""
        return self.state in SETTLED


def trial(values: Values, runs: Sequence[Path], score: str, corruptions: Sequence[int]) -> Trial:
    """How a trial did, from its runs' folders.

    Raises:
        UserError: a run looked at another split than validation, or at compositions.
    """
    scores: list[float] = []
    for run in runs:
        if (state := state_of(run)) != "done":
            error = (read_json(run / "status.json") or {}).get("error") if state in SETTLED else None
            return Trial(values, tuple(runs), run, state, tuple(scores), error)
        scores.append(accuracy(run, corruptions) if score == "accuracy" else valid_loss(run))
    return Trial(values, tuple(runs), runs[0], "done", tuple(scores))


def state_of(run: Path) -> str:
    """As status.json says it; `diverged` where training failed and would again, `missing` without the file."""
    status = status_of(run)
    return "diverged" if status.get("diverged") else str(status.get("state", "missing"))


def accuracy(run: Path, corruptions: Sequence[int]) -> float:
    """Percent, on the validation split: the mean over variants and the compositions of so many corruptions."""
    try:
        rows = pd.read_csv(run / "results.csv")
        splits, most = set(rows["split"]), rows["n_corruptions"].max()
        counted = rows.loc[rows["n_corruptions"].isin(corruptions), "accuracy"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{run / 'results.csv'} cannot be read: {_first(error)}; move {run} away.") from None
    if splits != {"valid"} or most > 1 or counted.empty:
        raise UserError(f"{run} was not tested on elemental corruptions of the validation split alone: not a trial.")
    return float(counted.mean())


def valid_loss(run: Path) -> float:
    """The mean over the run's parts of each one's smallest validation loss."""
    try:
        lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        curves = pd.DataFrame([json.loads(line) for line in lines])
        return float(curves.groupby("part")["valid_loss"].min().mean())
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{run / 'metrics.jsonl'} has no validation loss: {_first(error)}.") from None


def epochs_of(run: Path) -> int:
    """How many epochs a run's parts were trained, all together."""
    return len((run / "metrics.jsonl").read_text(encoding="utf-8").splitlines())


def _first(error: Exception) -> str:
    return (str(error).splitlines() or ["it is empty"])[0]
