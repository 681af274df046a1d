"""Trials whose process dies without a word, as one that runs out of memory does: when they count as failed."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from modrobust.store.files import read_json, write_json
from modrobust.sweep.status import Status, statuses

MOST = 3
"""So many deaths, and a trial is not tried again; one that was preempted, cancelled or moved by Slurm has not died."""
_WORDS = ("ran out of memory", "failed", "ended without this run", "has ended without a word")


def count_deaths(jobs: Sequence[Path], trials: Iterable[Path], runs: Path, launched: bool) -> bool:
    """Write down which trials died with their jobs; after MOST times they are failed.

    Args:
        jobs: folders of what was launched: the trials of a grid, the workers of a sampler.
        trials: folders of trials that have not ended.
        runs: the folder of all runs.
        launched: whether this command has launched the jobs; else, what died may have been ended with its launcher, and
            only what Slurm says counts.

    Returns:
        Whether a trial that has died may be tried again.
    """
    found = statuses(jobs, runs)
    dead = {folder: one for folder, one in found.items() if _died(one) and (launched or one.job)}
    processes = {_process(read_json(folder / "status.json") or {}) for folder in dead} - {None}
    again = False
    for folder in trials:
        content = read_json(folder / "status.json") or {}
        with_its_job = content.get("state") == "running" and _process(content) in processes
        if not with_its_job and folder not in dead:
            continue
        deaths = content.get("deaths", 0) + 1
        content |= {"deaths": deaths}
        if deaths >= MOST:
            why = dead[folder].error if folder in dead else "its process has ended without a word"
            content |= {"state": "failed", "error": f"{why}, {deaths} times"}
        again = again or deaths < MOST
        write_json(folder / "status.json", content)
    return again


def _died(status: Status) -> bool:
    return status.state == "lost" and (status.error or "").endswith(_WORDS)


def _process(content: dict[str, Any]) -> tuple[str, int] | None:
    """Which process a run was last worked on by."""
    return (content["host"], content["pid"]) if {"host", "pid"} <= content.keys() else None
