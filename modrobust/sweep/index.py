"""Which Slurm job has which run folders: a file for each submission, beside the runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modrobust.store.files import read_json, write_json

FOLDER = ".submitit/index"


def record(runs: Path, jobs: Sequence[tuple[str, Sequence[Path]]], code: dict[str, Any], submitted: float) -> None:
    """Write down a submission.

    Args:
        runs: the folder of all runs.
        jobs: id of each Slurm job, and the folders of its runs.
        code: git commit, and whether files differed from it.
        submitted: just before, seconds since 1970.
    """
    content = {
        "submitted": submitted,
        **code,
        "jobs": {job: [str(folder.relative_to(runs)) for folder in folders] for job, folders in jobs},
    }
    write_json(runs / FOLDER / f"{jobs[0][0].replace('_', '-')}.json", content)


def submissions(runs: Path) -> dict[Path, dict[str, Any]]:
    """The last submission of every run folder: Slurm id (`job`) and time (`submitted`)."""
    latest: dict[Path, dict[str, Any]] = {}
    files = [read_json(file) or {} for file in sorted((runs / FOLDER).glob("*.json"))]
    for content in sorted(files, key=lambda content: content.get("submitted", 0)):
        for job, folders in content.get("jobs", {}).items():
            for folder in folders:
                latest[runs / folder] = {"job": job, "submitted": content["submitted"]}
    return latest
