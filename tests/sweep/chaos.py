"""Chaos for tests: a sweep on Slurm whose jobs, steps, processes and launcher are killed while it goes on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sweeps import queue

KINDS = ("job", "step", "process", "launcher")
"""scancel of a job, SIGKILL of its steps by Slurm, SIGKILL of a run's process, SIGKILL of the command."""
ALL = (*KINDS, "requeue", "controller")
"""Also scontrol requeue of a job, and the end of Slurm's controller, which is started again three seconds later."""


def disturbed(
    sweep: Sequence[str], folder: Path, kinds: Sequence[str], chance: random.Random, pause: tuple[float, float]
) -> Counter[str]:
    """Give a sweep's command again and again until it ends well; meanwhile kill what `kinds` says, in that order.

    Args:
        sweep: overrides.
        folder: where the command is given.
        kinds: one for each kill, of ALL.
        chance: chooses among jobs, and the pauses.
        pause: shortest and longest time between kills, seconds.

    Returns:
        how many of each kind were killed, and under "commands" how often the command was given.
    """
    left, count = list(kinds), Counter({"commands": 1})
    launcher, next_kill = _start(sweep, folder), time.monotonic() + chance.uniform(*pause)
    while launcher.poll() != 0:
        if launcher.returncode is not None:
            launcher = _start(sweep, folder)
            count["commands"] += 1
        if left and time.monotonic() > next_kill:
            if left[0] == "launcher":
                launcher.kill()
                launcher.wait()
                hit = True
            else:
                hit = _kill(left[0], folder, chance)
            if hit:
                count[left.pop(0)] += 1
                next_kill = time.monotonic() + chance.uniform(*pause)
        time.sleep(0.2)
    return count


def _start(sweep: Sequence[str], folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "launcher.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "modrobust", *sweep], cwd=folder, stdout=log, stderr=log)


def _kill(kind: str, folder: Path, chance: random.Random) -> bool:
    """Whether there was something to kill."""
    if kind == "process":
        found = [status["pid"] for status in _running(folder)]
        found = [pid for pid in found if b"SLURM_JOB_ID=" in _environment(pid)]  # ids are used again
        if found:
            os.kill(chance.choice(found), signal.SIGKILL)
    else:
        found = sorted(job for job, state in queue().items() if state == "RUNNING")
        if found and kind == "controller":
            _restart_controller()
        elif found:
            how = {"step": ["scancel", "--signal=KILL"], "requeue": ["scontrol", "requeue"]}.get(kind, ["scancel"])
            subprocess.run([*how, chance.choice(found)], check=False)
    return bool(found)


def _restart_controller() -> None:
    """Of the Slurm that tests/slurm/start.sh has started. Killed by force it would forget jobs, and drain nodes."""
    conf = Path(os.environ["SLURM_CONF"])
    pid = (conf.parent / "slurmctld.pid").read_text().strip()
    os.kill(int(pid), signal.SIGTERM)
    while Path("/proc", pid).exists():
        time.sleep(0.1)
    time.sleep(3)
    subprocess.run(["slurmctld", "-f", conf], check=True)


def _running(folder: Path) -> list[dict[str, int]]:
    told = [json.loads(file.read_text()) for file in sorted((folder / "outputs/runs").rglob("status.json"))]
    return [status for status in told if status["state"] == "running"]


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
