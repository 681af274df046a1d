"""How runs are doing: what their status.json says, set right by what Slurm says."""

import os
import platform
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modrobust.errors import UserError
from modrobust.files import read_json
from modrobust.sweep import index, slurm


@dataclass(frozen=True)
class Status:
    """One run.

    Attributes:
        state: done, running, queued, preempted, failed, lost (its job has ended without it) or missing.
        job: Slurm id of its last submission, or None.
        error: first line of what went wrong, or None.
        log: where to read more.
        changed: when its status last changed, seconds since 1970, or None.
    """

    state: str
    job: str | None
    error: str | None
    log: Path
    changed: float | None

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
        files = list(pool.map(lambda folder: read_json(folder / "status.json"), folders))
    return {
        folder: _status(folder, content, submitted.get(folder, {}), known, runs)
        for folder, content in zip(folders, files, strict=True)
    }


Content = dict[str, Any]


def _status(folder: Path, content: Content | None, last: Content, known: dict[str, str], runs: Path) -> Status:
    """One run's: what its status.json says, unless a later submission (`last`) makes it old."""
    job, log, changed = last.get("job"), folder / "run.log", None
    if content is not None:
        changed = (folder / "status.json").stat().st_mtime
    if not log.exists() and job is not None:
        log = runs / ".submitit" / job / f"{job}_0_log.err"
    state, error = "missing" if content is None else str(content.get("state")), (content or {}).get("error")
    slurm_state = known.get(job or "")
    submitted_again = slurm_state in slurm.ALIVE and (changed or 0) < last["submitted"]
    if state == "done" or (state == "failed" and not submitted_again):
        return Status(state, job, error, log, changed)
    if slurm_state in slurm.ALIVE:
        waiting = slurm_state in ("PENDING", "REQUEUED", "CONFIGURING", "REQUEUE_HOLD", "SPECIAL_EXIT")
        return Status("queued" if waiting or state != "running" else "running", job, error, log, changed)
    if state == "running" and content and content.get("slurm_job_id") is None and _lives(content):
        return Status("running", job, error, log, changed)
    if state in ("queued", "running"):
        how = f"its Slurm job {job} {(slurm_state or 'is gone').lower()}" if job else "its process has ended"
        return Status("lost", job, error or how, log, changed)
    return Status(state, job, error, log, changed)


def _lives(content: Content) -> bool:
    """Whether a run without Slurm still has its process; on another machine that is not known."""
    if content.get("host") != platform.node():
        return True
    try:
        os.kill(int(content.get("pid", 0)) or -1, 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
