"""How runs are doing: what their status.json says, set right by what Slurm says."""

import os
import platform
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from modrobust.errors import UserError
from modrobust.store.files import read_json
from modrobust.sweep import index, slurm

SILENT = 600.0  # seconds without a sign of life after which a run on another machine, outside Slurm, counts as lost


@dataclass(frozen=True)
class Status:
    """One run.

    Attributes:
        state: done, running, queued, preempted, failed, lost (its job has ended without it) or missing.
        job: Slurm id of its last submission, or None.
        error: first line of what went wrong, or None.
        log: where to read more.
        since: when it came into this state, seconds since 1970, or None; of a lost run its last sign of life.
        seen: its last sign of life, seconds since 1970, or None.
    """

    state: str
    job: str | None
    error: str | None
    log: Path
    since: float | None
    seen: float | None

    @property
    def alive(self) -> bool:
        """Whether it is queued or running."""
        return self.state in ("queued", "running")


def statuses(folders: Sequence[Path], runs: Path) -> dict[Path, Status]:
    """The status of every run folder.

    Args:
        folders: those asked for; they need not exist.
        runs: the folder of all runs, which holds the index of submissions.
    """
    submitted = index.submissions(runs)
    jobs = [submitted[folder]["job"] for folder in folders if folder in submitted]
    try:
        known = slurm.states(jobs)
    except UserError:
        if any((runs / index.FOLDER).glob("*.json")):
            raise
        known = {}
    with ThreadPoolExecutor(16) as pool:  # a network's file system answers slowly but in parallel
        files = list(pool.map(_read, folders))
    found = {
        folder: _status(folder, *file, submitted.get(folder, {}), known)
        for folder, file in zip(folders, files, strict=True)
    }
    lost = {folder: status.job for folder, status in found.items() if status.state == "lost" and status.job}
    endings = slurm.endings(lost.values())
    for folder, job in lost.items():
        found[folder] = _explained(found[folder], job, endings.get(job), known.get(job), runs)
    return found


Content = dict[str, Any]


def _read(folder: Path) -> tuple[Content | None, float | None]:
    """A run's status.json, and when it was last written or touched; None, None where there is none."""
    file = folder / "status.json"
    content = read_json(file)
    if content is None and file.exists():
        content = {"state": "missing", "error": "its status.json is damaged"}
    return (None, None) if content is None else (content, file.stat().st_mtime)


def _status(folder: Path, content: Content | None, seen: float | None, last: Content, known: dict[str, str]) -> Status:
    """One run's: what its status.json says, unless a later submission (`last`) makes it old."""
    content = content or {}
    job, log = last.get("job"), folder / "run.log"
    state, error, since = content.get("state", "missing"), content.get("error"), _time(content.get("updated")) or seen
    slurm_state = known.get(job or "")
    submitted_again = slurm_state in slurm.ALIVE and (seen or 0) < last["submitted"]
    if state == "done" or (state == "failed" and not submitted_again):
        return Status(state, job, error, log, since, seen)
    if slurm_state in slurm.ALIVE:
        waiting = slurm_state in ("PENDING", "REQUEUED", "CONFIGURING", "REQUEUE_HOLD", "SPECIAL_EXIT")
        if waiting or state != "running" or submitted_again:
            return Status("queued", job, error, log, max(since or 0, last["submitted"]), seen)
        return Status("running", job, error, log, since, seen)
    if state == "running" and (not last or content.get("slurm_job_id") is None):  # or a trial of a job's worker
        if _lives(content, seen):
            return Status("running", None, error, log, since, seen)
        return Status("lost", None, "its process has ended without a word", log, seen, seen)
    if state in ("queued", "running"):
        return Status("lost", job, None, log, seen, seen)
    return Status(state, job, error, log, since, seen)


WORDS = {
    "OUT_OF_MEMORY": "ran out of memory",
    "TIMEOUT": "was ended at its time limit",
    "DEADLINE": "was ended at its deadline",
    "CANCELLED": "was cancelled",
    "NODE_FAIL": "lost its node",
    "PREEMPTED": "was preempted",
    "FAILED": "failed",
    "BOOT_FAIL": "could not start",
    "COMPLETED": "ended without this run",
}
TELLING = (  # what Slurm writes into a job's log; the first that is there
    ("oom-kill", "OUT_OF_MEMORY"),
    ("Out Of Memory", "OUT_OF_MEMORY"),
    ("exceeded memory limit", "OUT_OF_MEMORY"),
    ("DUE TO TIME LIMIT", "TIMEOUT"),
    ("DUE TO NODE FAILURE", "NODE_FAIL"),
)
END_OF_LOG = 4000  # bytes


def _explained(status: Status, job: str, ending: str | None, queue: str | None, runs: Path) -> Status:
    """A lost run's with the reason: what the accounts say, else the job's log, else the queue."""
    error, output = (runs / ".submitit" / job / f"{job}_0_log.{kind}" for kind in ("err", "out"))
    log = error if error.exists() else output
    if ending in (None, "FAILED", "COMPLETED") and log.exists():
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - END_OF_LOG))
            said = file.read().decode(errors="replace")
        ending = next((state for words, state in TELLING if words in said), ending)
    ending = ending or queue
    words = WORDS.get(ending, ending.lower()) if ending else "is gone"
    return replace(status, error=f"its Slurm job {job} {words}", log=log if log.exists() else status.log)


def _time(text: str | None) -> float | None:
    """Seconds since 1970; None of what is no time, for a file may have been edited."""
    try:
        return None if text is None else datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except (ValueError, TypeError):
        return None


def _lives(content: Content, seen: float | None) -> bool:
    """Whether a run without Slurm still has its process; on another machine its signs of life must do."""
    if content.get("host") != platform.node():
        return datetime.now().timestamp() - (seen or 0) < SILENT
    try:
        os.kill(int(content.get("pid", 0)) or -1, 0)
    except (ProcessLookupError, ValueError, TypeError):
        return False
    except PermissionError:
        return True
    return True
