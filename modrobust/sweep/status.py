"""How runs are doing: what their status.json says, set right by what Slurm says."""

import os
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from modrobust.errors import UserError
from modrobust.store.files import read_json
from modrobust.sweep import index, slurm
from modrobust.sweep.lost import explained

SILENT = 600.0  # seconds without a sign of life after which a run on another machine, outside Slurm, counts as lost

READERS = 16  # at once, for a network's file system answers slowly but in parallel


@dataclass(frozen=True)
class Status:
    """One run.

    Attributes:
        state: done, running, queued, waiting (for Slurm to take more jobs), preempted, pruned (by a search), failed,
            lost (its job has ended without it) or missing.
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


Content = dict[str, Any]
Known = dict[str, str]
"""State of jobs in Slurm's queue, by their ids."""

Ask = Callable[[set[str], set[int]], Known | None]
"""(ids of jobs, their users) -> their states; None where Slurm cannot be asked, and folders have to do."""


def in_queue(jobs: set[str], users: set[int]) -> Known | None:
    """What Slurm says; waits for minutes where it does not answer."""
    return slurm.patiently(lambda: slurm.states(jobs, users))


def statuses(folders: Sequence[Path], runs: Path, ask: Ask = in_queue) -> dict[Path, Status]:
    """The status of every run folder.

    Args:
        folders: those asked for; they need not exist.
        runs: the folder of all runs, which holds the index of submissions.
        ask: asks Slurm for jobs.

    Raises:
        UserError: as `ask` does; it is called only where jobs may be queued or running.
    """
    return Watch(runs, ask).look(folders)


def statuses_at_once(folders: Sequence[Path], runs: Path) -> tuple[dict[Path, Status], str]:
    """As `statuses`, without waiting for a Slurm that does not answer: folders and signs of life tell then.

    Returns:
        the statuses, and what Slurm said in place of an answer, or nothing.
    """
    try:
        return statuses(folders, runs, slurm.states), ""
    except UserError as error:
        return statuses(folders, runs, lambda jobs, users: None), str(error)


class Watch:
    """Looks at runs again and again; reads only those files that have changed since it looked before."""

    def __init__(self, runs: Path, ask: Ask = in_queue) -> None:
        """See `statuses`."""
        self._runs, self._ask = runs, ask
        self._files: dict[Path, tuple[tuple[int, int, int], Content]] = {}
        self._index: tuple[tuple[int, ...], dict[Path, Content]] = ((), {})

    def look(self, folders: Sequence[Path]) -> dict[Path, Status]:
        """The status of every run folder, as it is now."""
        with ThreadPoolExecutor(READERS) as pool:
            some = pool.map(self._read_all, [folders[i::READERS] for i in range(READERS)])
        files = {folder: found for one in some for folder, found in one}
        submitted, waiting = self._submitted(), index.waiting(self._runs)
        open_jobs = [
            submitted[folder] for folder in folders if folder in submitted and files[folder][0].get("state") != "done"
        ]
        known: Known | None = {}
        if open_jobs:
            users = {job["user"] for job in open_jobs}
            known = self._ask({job["job"] for job in open_jobs}, users if None not in users else set())
        found = {
            folder: _waiting(_status(folder, *files[folder], submitted.get(folder, {}), known), waiting.get(folder))
            for folder in folders
        }
        lost = {folder: status.job for folder, status in found.items() if status.state == "lost" and status.job}
        endings = slurm.endings(lost.values())
        for folder, job in lost.items():
            error, log = explained(job, endings.get(job), (known or {}).get(job), self._runs)
            if files[folder][0].get("state") == "queued":
                error = self._not_begun(submitted[folder]) or error
            found[folder] = replace(found[folder], error=error, log=log or found[folder].log)
        return found

    def _not_begun(self, submitted: Content) -> str | None:
        """Why a job that never began its run could not: what it waited for is not done."""
        for name, folder in submitted["after"].items():
            content = self._read(folder)[0]
            if content.get("state") != "done":
                why = content.get("error") or content.get("state", "missing")
                return f"could not start: its {name} is not trained ({why})"
        return None

    def _read_all(self, folders: Sequence[Path]) -> list[tuple[Path, tuple[Content, float | None]]]:
        return [(folder, self._read(folder)) for folder in folders]

    def _read(self, folder: Path) -> tuple[Content, float | None]:
        """A run's status.json, and when it was last written or touched; {}, None where there is none."""
        file = folder / "status.json"
        try:
            stat = file.stat()
        except OSError:
            return {}, None
        key = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        old = self._files.get(folder)
        if old is None or old[0] != key:
            content = read_json(file)
            if content is None:
                return {"state": "missing", "error": "its status.json is damaged"}, stat.st_mtime
            if content.get("state") == "done" and not (folder / "config.yaml").exists():
                return {"state": "missing", "error": "its configuration is gone"}, stat.st_mtime
            old = self._files[folder] = (key, content)
        return old[1], stat.st_mtime

    def _submitted(self) -> dict[Path, Content]:
        place = self._runs / index.FOLDER
        if not place.is_dir():
            return {}
        stat = place.stat()
        if self._index[0] != (key := (stat.st_ino, stat.st_mtime_ns)):
            self._index = (key, index.submissions(self._runs))
        return self._index[1]


def _status(folder: Path, content: Content, seen: float | None, last: Content, known: Known | None) -> Status:
    """One run's: what its status.json says, unless a later submission (`last`) makes it old."""
    job, log = last.get("job"), folder / "run.log"
    state, error, since = content.get("state", "missing"), content.get("error"), _time(content.get("updated")) or seen
    slurm_state = (known or {}).get(job or "")
    submitted_again = slurm_state in slurm.ALIVE and (seen or 0) < last["submitted"]
    if state == "done" or (state == "failed" and not submitted_again):
        return Status(state, job, error, log, since, seen)
    if slurm_state in slurm.ALIVE:
        waiting = slurm_state in ("PENDING", "REQUEUED", "CONFIGURING", "REQUEUE_HOLD", "SPECIAL_EXIT")
        if waiting or state != "running" or submitted_again:
            return Status("queued", job, error, log, max(since or 0, last["submitted"]), seen)
        return Status("running", job, error, log, since, seen)
    unknown = known is None or not last or content.get("slurm_job_id") is None  # or a trial of a job's worker
    if state == "running" and unknown:
        if _lives(content, seen):
            return Status("running", job if known is None else None, error, log, since, seen)
        return Status("lost", None, "its process has ended without a word", log, seen, seen)
    if state == "queued" and known is None:
        return Status("queued", job, error, log, since, seen)
    if state in ("queued", "running"):
        return Status("lost", job, None, log, seen, seen)
    return Status(state, job, error, log, since, seen)


def _waiting(status: Status, waiting: index.Waiting | None) -> Status:
    """The same, or `waiting` for a run that Slurm did not take yet and that nothing has been heard of since."""
    if waiting is None or status.alive or status.state == "done" or (status.seen or 0) > waiting.since:
        return status
    who = waiting.launcher
    error = "not submitted; the same command does that"
    if _lives(who, waiting.seen):
        error = f"Slurm takes no more jobs now: process {who['pid']} on {who['host']} submits it later"
    return replace(status, state="waiting", job=None, error=error, since=waiting.since)


def _time(text: str | None) -> float | None:
    """Seconds since 1970; None of what is no time, for a file may have been edited."""
    try:
        return None if text is None else datetime.fromisoformat(text).timestamp()
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
