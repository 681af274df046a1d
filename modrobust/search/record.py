"""A search's folder among the runs: which trials there are, how each did, and what is chosen. Imports no torch."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from modrobust.errors import UserError
from modrobust.search.steps import SCORES, Step, Values
from modrobust.store.files import read_json, write_json, write_text

FILE = "search.json"
SETTLED = ("done", "diverged")
"""States of runs in which nothing is left to do."""


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        values: keys with dots and their values.
        run: its folder.
        state: as in the run's status.json; diverged: training failed, and would again; missing.
        score: None where it is not done.
    """

    values: Values
    run: Path
    state: str
    score: float | None

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in SETTLED


class Record:
    """search.json in a folder of its own beside the runs of its dataset, method and model.

    Keys: dataset, method (options' names), kind, seed, command, recipe (what the recipe says besides), git_commit,
    steps: name -> score, corruptions, trials: [{values, fixed, run}], where fixed is what earlier steps had chosen;
    runs are relative to the folder of all runs.
    """

    def __init__(self, folder: Path, runs: Path) -> None:
        """A search's folder, new or not, and the folder of all runs."""
        self.folder, self.runs = folder, runs

    @classmethod
    def at(cls, folder: Path) -> "Record":
        """The record in a search's folder, <runs>/<dataset>/<method>-<model>/search-<hash>."""
        folder = folder.absolute()
        return cls(folder, folder.parents[2])

    @property
    def content(self) -> dict[str, Any]:
        """What search.json holds. Raises UserError where there is none."""
        content = read_json(self.folder / FILE)
        if content is None:
            raise UserError(f"{self.folder / FILE} is missing or damaged: the same search command writes it again.")
        return content

    def begin(self, about: dict[str, Any], steps: Sequence[Step]) -> None:
        """Write down what is searched; trials that are known already stay."""
        with self._lock():
            old = (read_json(self.folder / FILE) or {}).get("steps", {})
            for step in steps:
                trials = old.get(step.name, {}).get("trials", [])
                about["steps"] = about.get("steps", {})
                about["steps"][step.name] = {"score": step.score, "corruptions": step.corruptions, "trials": trials}
            write_json(self.folder / FILE, about)

    def add(self, step: str, trials: Sequence[tuple[Values, Path]]) -> None:
        """Write down trials of a step, those that it has already but once."""
        with self._lock():
            content = self.content
            known, fixed = content["steps"][step]["trials"], self.fixed(step)
            new = [{"values": values, "fixed": fixed, "run": str(run.relative_to(self.runs))} for values, run in trials]
            known += [trial for trial in new if trial not in known]
            write_json(self.folder / FILE, content)

    def tried(self, step: str) -> list[Trial]:
        """The trials of a step, with what earlier steps choose by now, as they are now."""
        spec, fixed = self.content["steps"][step], self.fixed(step)
        some = [one for one in spec["trials"] if one["fixed"] == fixed]
        return [trial(one["values"], self.runs / one["run"], spec["score"], spec["corruptions"]) for one in some]

    def fixed(self, step: str) -> Values:
        """What the steps before this one choose."""
        names = list(self.content["steps"])
        best = [self.best(name) for name in names[: names.index(step)]]
        return {key: value for one in best if one for key, value in one.values.items()}

    def best(self, step: str) -> Trial | None:
        """The best finished trial of a step, of equal ones the first; None where none is finished."""
        done = [trial for trial in self.tried(step) if trial.score is not None]
        better = SCORES[self.content["steps"][step]["score"]]
        return better(done, key=lambda trial: trial.score or 0.0) if done else None

    def table(self) -> pd.DataFrame:
        """A row for each trial: step, score, state, chosen, its values, its run; the best of each step first."""
        rows = []
        for step, spec in self.content["steps"].items():
            trials, best = self.tried(step), self.best(step)
            sign = -1 if SCORES[spec["score"]] is max else 1
            for one in sorted(trials, key=lambda trial: (trial.score is None, sign * (trial.score or 0.0))):
                row = {"step": step, "score": spec["score"], "value": one.score, "state": one.state}
                rows.append({**row, "chosen": one == best, **one.values, "run": str(one.run)})
        return pd.DataFrame(rows)

    def write_table(self) -> Path:
        """Write `table` as trials.csv; its path."""
        path = self.folder / "trials.csv"
        write_text(path, self.table().to_csv(index=False))
        return path

    def _lock(self) -> FileLock:
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".lock")


def trial(values: Values, run: Path, score: str, corruptions: Sequence[int]) -> Trial:
    """How a trial did, from its run's folder.

    Raises:
        UserError: the run looked at another split than validation, or at compositions.
    """
    state = state_of(run)
    if state != "done":
        return Trial(values, run, state, None)
    return Trial(values, run, state, accuracy(run, corruptions) if score == "accuracy" else valid_loss(run))


def state_of(run: Path) -> str:
    """As status.json says it; `diverged` where training failed and would again, `missing` without the file."""
    status = read_json(run / "status.json") or {}
    return "diverged" if status.get("diverged") else str(status.get("state", "missing"))


def accuracy(run: Path, corruptions: Sequence[int]) -> float:
    """Percent, on the validation split: the mean over variants and the compositions of so many corruptions."""
    rows = pd.read_csv(run / "results.csv")
    if set(rows["split"]) != {"valid"} or rows["n_corruptions"].max() > 1:
        raise UserError(f"{run} was not tested on elemental corruptions of the validation split alone: not a trial.")
    return float(rows.loc[rows["n_corruptions"].isin(corruptions), "accuracy"].mean())


def valid_loss(run: Path) -> float:
    """The mean over the run's parts of each one's smallest validation loss."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    curves = pd.DataFrame([json.loads(line) for line in lines])
    return float(curves.groupby("part")["valid_loss"].min().mean())
