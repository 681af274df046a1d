"""Which Slurm job has which run folders, and which runs Slurm did not take yet: small files beside the runs."""

import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from modrobust.store.files import read_json, write_json

FOLDER = ".submitit/index"
WAITING = ".submitit/waiting"


@dataclass(frozen=True)
class Waiting:
    """A run that is still to be submitted, once Slurm takes more jobs.

    Attributes:
        launcher: host and pid of the process that does it.
        since: when that was written, seconds since 1970.
        seen: the launcher's last sign of life, seconds since 1970.
    """

    launcher: dict[str, Any]
    since: float
    seen: float


def record(
    runs: Path,
    jobs: Sequence[tuple[str, Sequence[Path]]],
    code: dict[str, Any],
    submitted: float,
    after: Mapping[Path, Mapping[str, Path]] = MappingProxyType({}),
) -> None:
    """Write down a submission.

    Args:
        runs: the folder of all runs.
        jobs: id of each Slurm job, and the folders of its runs.
        code: git commit, and whether files differed from it.
        submitted: just before, seconds since 1970.
        after: what runs wait for: by the run's folder and the name of a piece, the folder of who trains it.
    """
    relative = {run: {name: str(at.relative_to(runs)) for name, at in some.items()} for run, some in after.items()}
    content = {
        "submitted": submitted,
        "user": os.getuid(),
        **code,
        "jobs": {job: [str(folder.relative_to(runs)) for folder in folders] for job, folders in jobs},
        "after": {str(run.relative_to(runs)): some for run, some in relative.items()},
    }
    write_json(runs / FOLDER / f"{jobs[0][0].replace('_', '-')}.json", content)


def submissions(runs: Path) -> dict[Path, dict[str, Any]]:
    """The last submission of every run folder: Slurm id (`job`), time (`submitted`), whose it is (`user`, or None).

    Where it waits for others, also `after`: the names of pieces and the folders of who trains them.
    """
    latest: dict[Path, dict[str, Any]] = {}
    files = [read_json(file) or {} for file in sorted((runs / FOLDER).glob("*.json"))]
    for content in sorted(files, key=lambda content: content.get("submitted", 0)):
        for job, folders in content.get("jobs", {}).items():
            for folder in folders:
                latest[runs / folder] = {
                    "job": job,
                    "submitted": content["submitted"],
                    "user": content.get("user"),
                    "after": {name: runs / at for name, at in content.get("after", {}).get(folder, {}).items()},
                }
    return latest


def record_waiting(runs: Path, sweep: str, folders: Sequence[Path]) -> Path:
    """Write down which runs of a sweep are still to be submitted; the file, which is gone where none are."""
    file = runs / WAITING / f"{sweep}.json"
    if folders:
        launcher = {"host": platform.node(), "pid": os.getpid()}
        some = [str(folder.relative_to(runs)) for folder in folders]
        write_json(file, {**launcher, "since": time.time(), "runs": some})
    else:
        file.unlink(missing_ok=True)
    return file


def waiting(runs: Path) -> dict[Path, Waiting]:
    """The runs that are still to be submitted."""
    found: dict[Path, Waiting] = {}
    for file in (runs / WAITING).glob("*.json"):
        content = read_json(file)
        if content is not None:
            one = Waiting(content, content["since"], file.stat().st_mtime)
            found |= {runs / folder: one for folder in content["runs"]}
    return found
