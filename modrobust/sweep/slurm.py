"""Slurm as its own commands tell it: what is queued or running, which limits it has. Works without accounting."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import lru_cache

from modrobust.errors import UserError

ALIVE = (  # a job of these states may still do its work
    *("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "REQUEUED", "REQUEUE_HOLD"),
    *("REQUEUE_FED", "SPECIAL_EXIT", "RESIZING", "SIGNALING", "STAGE_OUT"),
)


def _ask(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", check=True, timeout=60
        ).stdout
    except FileNotFoundError as error:
        raise UserError(
            f"there is no command {command[0]}: hydra/launcher=slurm needs a machine with Slurm."
        ) from error
    except subprocess.CalledProcessError as error:
        first = (error.stderr.strip().splitlines() or ["no message"])[0]
        raise UserError(f"{command[0]} failed: {first}") from error
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{command[0]} did not answer within 60 s.") from error


def states(jobs: Iterable[str] | None = None) -> dict[str, str]:
    """The state of every job that Slurm still knows, by its id, such as 7 or 7_2.

    Args:
        jobs: ids of jobs or arrays to ask for; None for all.
    """
    arrays = sorted({job.partition("_")[0] for job in jobs}) if jobs is not None else []
    if jobs is not None and not arrays:
        return {}
    found: dict[str, str] = {}
    for line in _ask("squeue", "-h", "-r", "-t", "all", "-o", "%i %T").splitlines():
        job, state = line.split(maxsplit=1)
        if not arrays or job.partition("_")[0] in arrays:
            found[job] = state
    return found


def endings(jobs: Iterable[str]) -> dict[str, str]:
    """How jobs ended that is no more in the queue, where Slurm keeps accounts; nothing elsewhere.

    Args:
        jobs: ids, such as 7 or 7_2.

    Returns:
        by id a state such as TIMEOUT; OUT_OF_MEMORY where only a step of the job tells that.
    """
    arrays = sorted({job.partition("_")[0] for job in jobs})
    if not arrays or shutil.which("sacct") is None:
        return {}
    try:
        answer = _ask("sacct", "-n", "-P", "-o", "JobID,State", "-j", ",".join(arrays))
    except UserError:  # no accounting, or it does not answer: the queue and the logs have to do
        return {}
    found: dict[str, str] = {}
    for line in answer.splitlines():
        job, _, state = line.partition("|")
        job, _, step = job.partition(".")
        state = state.split(maxsplit=1)[0]  # CANCELLED by 1000
        if not step or state == "OUT_OF_MEMORY":
            found[job] = state
    return found


@lru_cache(maxsize=1)
def largest_array() -> int:
    """How many jobs one array may have."""
    match = re.search(r"^MaxArraySize\s*=\s*(\d+)", _ask("scontrol", "show", "config"), re.MULTILINE)
    return max(1, int(match[1]) - 1) if match else 1000


def preempted(job: str) -> bool:
    """Whether Slurm has asked a running job to make room, and lets it run for some more seconds."""
    try:
        return re.search(r"\bPreemptTime=\d", _ask("scontrol", "show", "job", job)) is not None
    except UserError:
        return False


def requeue(job: str) -> bool:
    """Put a running job back into the queue; whether Slurm accepts that."""
    try:
        _ask("scontrol", "requeue", job)
    except UserError:
        return False
    return True
