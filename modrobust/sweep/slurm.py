"""Slurm as its own commands tell it: what is queued or running, which limits it has. Works without accounting."""

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from functools import lru_cache
from time import monotonic, sleep
from typing import TypeVar

from modrobust.errors import UserError

log = logging.getLogger(__name__)

ALIVE = (  # a job of these states may still do its work
    *("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "REQUEUED", "REQUEUE_HOLD"),
    *("REQUEUE_FED", "SPECIAL_EXIT", "RESIZING", "SIGNALING", "STAGE_OUT"),
)


HICCUP = re.compile(
    r"unable to contact|timed out|connection (refused|reset)|zero bytes|transport endpoint|unable to connect"
    r"|communication|munge|authentication|unexpected message|not responding",
    re.IGNORECASE,
)
"""What Slurm's commands print while its controller is restarted, busy or moved; minutes later they work again."""
SECONDS_OF_PATIENCE = 900.0
SECONDS_BEFORE_THE_END = 20.0  # a job that must leave has no more time to ask again
LONGEST_PAUSE = 60.0
MOST_IDS = 500  # in one command line; more jobs are picked from all those of their users


class Unreachable(UserError):
    """Slurm does not answer now; it may do so later."""


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
        said = error.stderr.strip() or "no message"
        kind = Unreachable if HICCUP.search(said) else UserError
        raise kind(f"{command[0]} failed: {said.splitlines()[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"{command[0]} did not answer within 60 s.") from error


T = TypeVar("T")


def patiently(ask: Callable[[], T], seconds: float = SECONDS_OF_PATIENCE) -> T:
    """What `ask` returns, asked again with growing pauses while it finds Slurm unreachable; that is said once.

    Raises:
        Unreachable: it still is after so many seconds.
    """
    begun, pause, said = monotonic(), 1.0, False
    while True:
        try:
            answer = ask()
        except Unreachable as error:
            if monotonic() - begun >= seconds:
                raise
            if not said:
                log.warning("Slurm does not answer (%s): asking again, for %.0f min.", error, seconds / 60)
            said = True
            sleep(pause)
            pause = min(1.5 * pause, LONGEST_PAUSE)
        else:
            if said:
                log.info("Slurm answers again.")
            return answer


def states(jobs: Iterable[str], users: Iterable[int] = ()) -> dict[str, str]:
    """The state of those of these jobs that Slurm still knows, by id, such as 7 or 7_2.

    Args:
        jobs: ids of jobs.
        users: whose they are; where that is not known, Slurm looks through all jobs.

    Raises:
        UserError: there is no Slurm here; Unreachable: it does not answer.
    """
    arrays = sorted({job.partition("_")[0] for job in jobs})
    if not arrays:
        return {}
    command = ["squeue", "-h", "-r", "-t", "all", "-o", "%i %T"]
    if own := sorted(set(users)):
        command.append(f"--user={','.join(map(str, own))}")
    try:
        answer = _ask(*command, *([f"--jobs={','.join(arrays)}"] if len(arrays) <= MOST_IDS else []))
    except UserError as error:
        if "Invalid job id" not in str(error):
            raise
        answer = _ask(*command) if len(arrays) > 1 else ""  # one that it has forgotten
    found = dict(line.split(maxsplit=1) for line in answer.splitlines())
    return {job: state for job, state in found.items() if job.partition("_")[0] in arrays}


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
def _config() -> str:
    return patiently(lambda: _ask("scontrol", "show", "config"))


def _limit(name: str) -> int | None:
    match = re.search(rf"^{name}\s*=\s*(\d+)", _config(), re.MULTILINE)
    return int(match[1]) if match else None


def largest_array() -> int:
    """How many jobs one array may have."""
    return max(1, (_limit("MaxArraySize") or 1001) - 1)


def room(wanted: int) -> int:
    """How many of so many jobs Slurm has room for beside all those it knows; it may have further limits.

    Slurm is only asked where a sweep is large beside its MaxJobCount: sbatch waits two minutes before it tells.
    """
    most = _limit("MaxJobCount")
    if most is None or wanted < most / 100:
        return wanted
    known = patiently(lambda: _ask("squeue", "-h", "-r", "-t", "all", "-o", "%i"))
    return max(0, min(wanted, most - 1 - len(known.splitlines())))


def has_jobs() -> bool:
    """Whether this user has any job in the queue."""
    return patiently(lambda: _ask("squeue", "-h", f"--user={os.getuid()}", "-o", "%i")) != ""


def cancel(script: str) -> None:
    """Cancel this user's jobs of a script: sbatch did not hear whether they were accepted. Raises Unreachable."""
    answer = _ask("squeue", "-h", f"--user={os.getuid()}", "-o", "%F %o")
    for job, _, command in (line.partition(" ") for line in answer.splitlines()):
        if command.strip() == script:
            _ask("scancel", job)


def preempted(job: str) -> bool:
    """Whether Slurm has asked a running job to make room, and lets it run for some more seconds."""
    try:
        said = patiently(lambda: _ask("scontrol", "show", "job", job), SECONDS_BEFORE_THE_END)
    except UserError:
        return False
    return re.search(r"\bPreemptTime=\d", said) is not None


def requeue(job: str) -> bool:
    """Put a running job back into the queue; whether Slurm accepts that."""
    try:
        patiently(lambda: _ask("scontrol", "requeue", job), SECONDS_BEFORE_THE_END)
    except UserError:
        return False
    return True
