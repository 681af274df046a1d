"""How the runs below some folders are doing, as a table: finished, running, queued, failed and so on."""

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from modrobust.errors import UserError
from modrobust.progress import duration
from modrobust.store.folders import runs_below
from modrobust.sweep import index
from modrobust.sweep.status import Status, statuses_at_once

ORDER = ("running", "queued", "waiting", "preempted", "pruned", "failed", "lost", "missing")
"""States that are listed run by run; of those that are done only the number is told."""
MISSING = "submitted, but nothing is there"


def show_status(folders: Iterable[Path]) -> None:
    """Print the number of runs of each state, and a line for each that is not done.

    Raises:
        UserError: a folder does not exist or has no run.
    """
    for folder in folders:
        found = found_in(folder)
        count = Counter(status.state for status in found.values())
        print(f"{folder}: " + ", ".join(f"{count[s]} {s}" for s in ("done", *ORDER) if count[s] or s == "done"))
        if len(found) > count["done"]:
            print(f"{'state':<10} {'for':<8} {'seen':<8} {'Slurm job':<10} run")
            print("\n".join(_lines(found, folder.absolute())))


def found_in(folder: Path) -> dict[Path, Status]:
    """Of the runs in or below a folder, by its shares where not all are done, and of what was submitted.

    Workers of a search are no runs: they are told only where they wait or have failed.

    Raises:
        UserError: the folder does not exist or has no run.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder.")
    runs = root(folder / "runs" if (folder / "runs").is_dir() else folder)
    known: set[Path] = set()
    for run, shares in runs_below(folder):
        whole = not shares or (run / "status.json").exists()  # or merged
        known.update([run.absolute()] if whole else [(run / share).absolute() for share in shares])
    submitted = {run for run in index.submissions(runs) | index.waiting(runs) if run.is_relative_to(folder.absolute())}
    found, refusal = statuses_at_once(sorted(known | submitted), runs)
    if refusal:
        print(f"{refusal} What follows is told by the runs' folders and their signs of life alone.")
    found = {run: one for run, one in found.items() if run in known or one.state not in ("done", "running")}
    if not found:
        raise UserError(f"{folder} has no run.")
    return found


def root(folder: Path) -> Path:
    """The folder of all runs, which has the index of submissions: this one or one above; else this one."""
    folder = folder.absolute()
    return next((place for place in (folder, *folder.parents) if (place / index.FOLDER).is_dir()), folder)


def _lines(found: dict[Path, Status], folder: Path) -> list[str]:
    """A line for each run that is not done, its error below it: plain, for grep and for narrow terminals.

    How long it has been in its state; of running ones also how long ago their process was last seen alive.
    """
    order = {state: i for i, state in enumerate(ORDER)}
    lines, now = [], time.time()
    for run, status in sorted(found.items(), key=lambda item: order.get(item[1].state, len(order))):
        if status.state != "done":
            age = "" if status.since is None else duration(now - status.since)
            seen = "" if status.seen is None or status.state != "running" else duration(now - status.seen)
            lines.append(f"{status.state:<10} {age:<8} {seen:<8} {status.job or '':<10} {run.relative_to(folder)}")
            if error := status.error or (MISSING if status.state == "missing" else None):
                lines.append(f"{'':<10} {error}" + f" ({status.log})" * status.log.exists())
    return lines
