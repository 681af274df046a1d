"""Where a result comes from: the code's commit, the Python, the Slurm job."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any


def code_version() -> dict[str, Any]:
    """This package's version and Python's; in a checkout also the git commit, and whether files differ from it."""
    version: dict[str, Any] = {"python": sys.version.split()[0], "modrobust": package_version()}
    here = Path(__file__).resolve().parent
    if "site-packages" in here.parts:  # an environment within a checkout of something else
        return version
    try:
        git = ["git", "-C", str(here), "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
        lines = subprocess.run(git, capture_output=True, encoding="utf-8", timeout=10, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return version
    commit = [line.split()[-1] for line in lines if line.startswith("# branch.oid")]
    dirty = any(not line.startswith("#") for line in lines)
    return {**version, "git_commit": commit[0] if commit else None, "git_dirty": dirty}


def package_version() -> str | None:
    """The version of this package, as it is installed; None where it is not."""
    try:
        return metadata.version("modrobust")
    except metadata.PackageNotFoundError:
        return None


def job_id() -> str | None:
    """The Slurm id of this job, such as 7 or 7_2; None outside."""
    if array := os.environ.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ.get("SLURM_JOB_ID")
