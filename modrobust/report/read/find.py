"""Run folders below some folders: those with results, and how the others are doing."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modrobust.errors import UserError
from modrobust.report.say import say
from modrobust.store.files import read_json
from modrobust.store.folders import runs_below


@dataclass(frozen=True)
class Without:
    """A run without results.csv.

    Attributes:
        run: its folder.
        state: `done, not tested`, running, queued, preempted, pruned, failed, lost, missing, or `2 of 8 shares done`.
    """

    run: Path
    state: str


def find(folders: Iterable[Path]) -> tuple[list[Path], list[Without]]:
    """The runs in or below some folders; shares of a run are not runs, and trials of a search are only told of.

    A trial whose own folder is given counts as a run.

    Returns:
        Folders of runs with results.csv, and the runs without; both sorted by path.

    Raises:
        UserError: a folder does not exist, or holds no run, or nothing but trials.
    """
    found: dict[str, Path] = {}
    left_out: dict[Path, list[Path]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder.")
        here = {os.path.realpath(run): run for run, _ in runs_below(folder, _not_listed)}
        if not here:
            raise UserError(f"{folder} holds no run.")
        trials = _trials(run for run in here.values() if run != folder)
        left_out |= trials
        passed_over = {run for some in trials.values() for run in some}
        found = {**{real: run for real, run in here.items() if run not in passed_over}, **found}
    for search, some in sorted(left_out.items()):
        say(f"left out: {len(some)} trials of {search}; modrobust-report --best {search} tells of them.")
    if not found:
        raise UserError("there are trials of searches only: modrobust-report --best tells of them.")
    runs = sorted(found.values())
    done = {run for run in runs if (run / "results.csv").exists()}
    return [run for run in runs if run in done], _states([run for run in runs if run not in done])


def _trials(runs: Iterable[Path]) -> dict[Path, list[Path]]:
    """Which of some runs are trials: by the folder of their search, which lies beside them."""
    beside: dict[Path, list[Path]] = {}
    for run in runs:
        beside.setdefault(run.parent, []).append(run)
    found: dict[Path, list[Path]] = {}
    for place, some in beside.items():
        for file in sorted(place.glob("search-*/search.json")):
            from modrobust.search.record import runs_of  # which takes a while, and searches are rare

            steps = (read_json(file) or {}).get("steps", {})
            entries = [one for step in steps.values() for one in step["trials"] if "warm" not in one]
            names = {Path(run).name for one in entries for run in runs_of(one)}
            if trials := [run for run in some if run.name in names]:
                found[file.parent] = trials
    return found


def is_structured(run: Path) -> bool:
    """Whether a run is of structured data: only these tell learning curves of all seeds, and their parameters."""
    return (run / "curves.npz").exists() or (run / "parameters.csv").exists()


def file_of(run: Path, name: str) -> Path | None:
    """A file of a run, or of the first of its shares that has it; None where there is none."""
    return next((path for path in (run / name, *sorted(run.glob(f"shard-*/{name}"))) if path.exists()), None)


def _not_listed(error: OSError) -> None:
    say(f"{error.filename} cannot be read: {error.strerror}; what it holds is left out.")


def _states(runs: list[Path]) -> list[Without]:
    """How runs without results are doing; as their own files say where Slurm, which may know better, is not here."""
    if not runs:
        return []
    from modrobust.sweep.show import root
    from modrobust.sweep.status import statuses_at_once

    states: dict[Path, str] = {}
    for place in {root(run) for run in runs}:
        of_place = [run.absolute() for run in runs if root(run) == place]
        states |= {run: status.state for run, status in statuses_at_once(of_place, place)[0].items()}
    states = {run: "done, not tested" if state == "done" else state for run, state in states.items()}
    return [Without(run, _shares(run) or states[run.absolute()]) for run in runs]


def _content(run: Path) -> dict[str, Any]:
    return read_json(run / "status.json") or {}


def _shares(run: Path) -> str | None:
    """How many shares of an evaluation over several runs are done; None where there are none."""
    shares = sorted(run.glob("shard-*of*"))
    done = sum(_content(share).get("state") == "done" for share in shares)
    return f"{done} of {shares[0].name.partition('of')[2]} shares done" if shares else None
