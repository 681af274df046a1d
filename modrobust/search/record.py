"""A search's folder among the runs: which trials there are, how each did, and what is chosen. Imports no torch."""

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from modrobust.config.identity import fingerprint
from modrobust.errors import UserError
from modrobust.search.steps import SCORES, Step, Values
from modrobust.search.trial import Trial, trial
from modrobust.store.files import read_json, write_json, write_text
from modrobust.store.lock import Lock

FILE = "search.json"
COLUMNS = ("step", "score", "value", "seeds", "state", "chosen", "error", "run")
"""Those of `Record.table` beside the keys that are searched; seeds only where trials have several."""


class Record:
    """search.json in a folder of its own beside the runs of its dataset, method and model.

    Keys: dataset, method, pruner (options' names), kind, seed, commands (those that worked on it, in order), updated
    (when the last of them began, seconds since 1970), recipe (what the recipe says besides), git_commit, steps: name ->
    score, corruptions, values (the space), overrides, trials: [{values, fixed, run}], where fixed is what earlier steps
    had chosen; runs are relative to the folder of all runs. Trials of several seeds have runs, too, of which run is the
    first; a sampler's have a number, for it may draw the same values again; finished runs of outside the search, which
    a warm start took over, have warm: true.
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

    @property
    def commands(self) -> list[str]:
        """The commands that worked on it; older files have but one."""
        content = read_json(self.folder / FILE) or {}
        return list(content.get("commands") or [content[key] for key in ("command",) if key in content])

    @property
    def begun(self) -> bool:
        """Whether it has a trial: an older version left a folder of what it refused."""
        return any(step["trials"] for step in self.content["steps"].values())

    @property
    def updated(self) -> float:
        """When a command last began to work on it, seconds since 1970."""
        return float(self.content.get("updated") or (self.folder / FILE).stat().st_mtime)

    def begin(self, about: dict[str, Any], command: str, steps: Sequence[Step]) -> None:
        """Write down what is searched; trials and commands that are known already stay."""
        with self._lock():
            old, before = (read_json(self.folder / FILE) or {}).get("steps", {}), self.commands
            commands = [*(one for one in before if one != command), command]
            about = {**about, "commands": commands, "updated": time.time(), "steps": {}}
            for step in steps:
                about["steps"][step.name] = {
                    "score": step.score,
                    "corruptions": step.corruptions,
                    "values": step.values,
                    "overrides": step.overrides,
                    "trials": old.get(step.name, {}).get("trials", []),
                }
            write_json(self.folder / FILE, about)

    def discard(self) -> None:
        """Remove the folder of a search of which nothing was launched, and what is empty then above it."""
        shutil.rmtree(self.folder)
        with suppress(OSError):  # not empty
            for folder in (*self.folder.parents[:2], self.runs):
                folder.rmdir()

    def add(self, step: str, trials: Sequence[tuple[Values, Sequence[Path]]], **marks: int | bool) -> None:
        """Write down trials of a step, those that it has already but once. Marks: number and warm, see above."""
        with self._lock():
            content = self.content
            known, fixed = content["steps"][step]["trials"], self.fixed(step)
            places = [(values, [str(run.relative_to(self.runs)) for run in runs]) for values, runs in trials]
            new = [{"values": values, "fixed": fixed, **_places(runs), **marks} for values, runs in places]
            known += [trial for trial in new if trial not in known]
            write_json(self.folder / FILE, content)
        self.write_table()

    def tried(self, step: str) -> list[Trial]:
        """The trials of a step, with what earlier steps choose by now, as they are now; equal ones once."""
        spec = self.content["steps"][step]
        some: dict[tuple[str, ...], Values] = {}
        for one in self._entries(step):
            some.setdefault(runs_of(one), one["values"])
        places = [(values, [self.runs / run for run in runs]) for runs, values in some.items()]
        return [trial(values, runs, spec["score"], spec["corruptions"]) for values, runs in places]

    def count(self, step: str) -> int:
        """How many trials the search itself has begun or will begin, equal ones of a sampler each."""
        return sum("warm" not in one for one in self._entries(step))

    def _entries(self, step: str) -> list[dict[str, Any]]:
        fixed = self.fixed(step)
        return [one for one in self.content["steps"][step]["trials"] if one["fixed"] == fixed]

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

    def ties(self, step: str) -> list[Trial]:
        """The trials of a step that are as good as the best, which is the first of them."""
        best = self.best(step)
        return [trial for trial in self.tried(step) if best and trial.score == best.score]

    def table(self, states: Mapping[Path, str] | None = None) -> pd.DataFrame:
        """A row for each trial: COLUMNS and its values; the best of each step first.

        Args:
            states: of runs that have not ended, where more is known than their folders tell.
        """
        rows = []
        for step, spec in self.content["steps"].items():
            trials, best = self.tried(step), self.best(step)
            sign = -1 if SCORES[spec["score"]] is max else 1
            for one in sorted(trials, key=lambda trial: (trial.score is None, sign * (trial.score or 0.0))):
                state = one.state if one.settled else (states or {}).get(one.run, one.state)
                row = {"step": step, "score": spec["score"], "value": one.score}
                if len(one.runs) > 1:
                    row["seeds"] = " ".join(f"{score:.5g}" for score in one.scores)
                row |= {"state": state, "chosen": one == best}
                rows.append({**row, **one.values, "error": one.error, "run": str(one.run)})
        return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(COLUMNS))

    def write_table(self, states: Mapping[Path, str] | None = None) -> Path:
        """Write `table` as trials.csv; its path."""
        path = self.folder / "trials.csv"
        text = self.table(states).to_csv(index=False)
        with self._lock():  # workers write it, too
            write_text(path, text)
        return path

    def _lock(self) -> Lock:
        self.folder.mkdir(parents=True, exist_ok=True)
        return Lock(self.folder / ".lock")


def newest_first(records: Iterable[Record]) -> list[Record]:
    """By when a command last worked on them; those that have no trial come last."""
    return sorted(records, key=lambda record: (record.begun, record.updated), reverse=True)


def runs_of(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The runs of a trial as search.json has it, relative to the folder of all runs; one for each seed."""
    return tuple(entry.get("runs") or (entry["run"],))


def _places(runs: Sequence[str]) -> dict[str, Any]:
    return {"run": runs[0], **({"runs": list(runs)} if len(runs) > 1 else {})}


def journal(record: Record, step: str) -> Path:
    """The file in which a sampler's workers write down their trials of a step."""
    return record.folder / f"{step}-{fingerprint(record.fixed(step))}.journal"
