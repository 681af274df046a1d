"""Why a Slurm job ended without its run: what the accounts say, else the job's log, else the queue."""

from pathlib import Path

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


def explained(job: str, ending: str | None, queue: str | None, runs: Path) -> tuple[str, Path | None]:
    """One line that says what became of a job, and its log, where there is one.

    Args:
        job: its id.
        ending: its state in Slurm's accounts; None where they do not tell.
        queue: its last state in the queue; None where it is no more there.
        runs: the folder of all runs.
    """
    error, output = (runs / ".submitit" / job / f"{job}_0_log.{kind}" for kind in ("err", "out"))
    log = error if error.exists() else output
    if ending in (None, "FAILED", "COMPLETED") and log.exists():
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - END_OF_LOG))
            said = file.read().decode(errors="replace")
        ending = next((state for words, state in TELLING if words in said), ending)
    ending = ending or queue
    words = WORDS.get(ending, ending.lower()) if ending else "is gone"
    return f"its Slurm job {job} {words}", log if log.exists() else None
