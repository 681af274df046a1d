"""What tests of sweeps share."""

import subprocess
from collections.abc import Callable
from pathlib import Path

TINY = ("dataset=boolean", "training.epochs=3", "threads=1")

Modrobust = Callable[..., "subprocess.CompletedProcess[str]"]


def results(folder: Path) -> dict[str, bytes]:
    """The bytes of every results.csv below a folder of runs, by the run's folder."""
    return {str(file.parent.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("results.csv"))}
