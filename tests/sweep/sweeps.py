"""What tests of sweeps share."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

TINY = ("dataset=boolean", "training.epochs=3", "threads=1")

SLURM = ("hydra/launcher=slurm_debug", "hydra.launcher.mem_gb=2")

SLOW_SCHEDULE = '''
"""A learning rate schedule whose epochs take as long as a test wants, however fast the machine is."""

import os
import time

from torch.optim.lr_scheduler import ExponentialLR


class Slow(ExponentialLR):
    """Waits SECONDS_AN_EPOCH seconds after each, but not in a job that was requeued SLOW_TURNS times."""

    def step(self, *args):
        if int(os.environ.get("SLURM_RESTART_COUNT") or 0) < int(os.environ.get("SLOW_TURNS", 1)):
            time.sleep(float(os.environ.get("SECONDS_AN_EPOCH", 0)))
        super().step(*args)
'''
SLOW = ("dataset=boolean", "training.epochs=100", "threads=1", "training.schedule._target_=slow.Slow")
SLOW += ("checkpoint_seconds=0.2",)

Modrobust = Callable[..., "subprocess.CompletedProcess[str]"]


def results(folder: Path) -> dict[str, bytes]:
    """The bytes of every results.csv below a folder of runs, by the run's folder."""
    return {str(file.parent.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("results.csv"))}


def ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def until(condition: Callable[[], bool], seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)


def queue() -> dict[str, str]:
    return dict(line.split() for line in ask("squeue", "-h", "-r", "-o", "%i %T").splitlines())


def start(job: str) -> None:
    """Ends the hold and wait of a requeued job, in two seconds: within the one of its end, Slurm would kill it."""
    ask("scontrol", "update", f"JobId={job}", "StartTime=now+2")
    ask("scontrol", "release", job)
