"""hydra/launcher=slurm on a real Slurm: failures, signals, kills, requeues; nothing is lost, nothing done twice."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sweeps import TINY, Modrobust, ask, queue, results, until

pytestmark = pytest.mark.usefixtures("slurm")

SLURM = ("hydra/launcher=slurm_debug", "hydra.launcher.mem_gb=2")
LONG = ("dataset=boolean", "training.epochs=1500", "threads=1", "model=modular", "checkpoint_seconds=0.2")


def test_a_failed_run_hides_nothing_and_arrays_are_split(modrobust: Modrobust, tmp_path: Path) -> None:
    sweep = ("-m", *TINY, "seed=0,1,2,3", "model.pruning=0,200", *SLURM, "hydra.launcher.runs_per_job=2")
    ended = modrobust(*sweep)
    assert ended.returncode == 1
    assert ended.stdout.count("submitted") == 2  # three jobs and one
    assert ended.stdout.count("model.pruning=200: a percentile from 0 to 100 is needed.") == 4
    assert ended.stderr.strip().endswith("modrobust: 4 of 8 runs are not done; the same command tries them again.")
    again = modrobust(*sweep, "hydra.launcher.wait=false")
    assert again.returncode == 0 and "8 runs: 4 done, 0 queued, 0 running; 4 to do" in again.stdout
    waited = modrobust(*sweep)  # for what was submitted again, though it failed before
    assert waited.returncode == 1 and "; 0 to do" in waited.stdout and "submitted" not in waited.stdout
    told = [json.loads(file.read_text()) for file in (tmp_path / "outputs/runs").rglob("status.json")]
    assert sorted(status["attempt"] for status in told) == [1] * 4 + [2] * 4
    assert modrobust(*TINY, "seed=3", "paths.outputs=alone").returncode == 0
    assert results(tmp_path / "alone/runs").items() <= results(tmp_path / "outputs/runs").items()


def test_signals_and_requeues_change_nothing(modrobust: Modrobust, tmp_path: Path) -> None:
    sweep = ("-m", *LONG, "seed=0", *SLURM)
    assert modrobust(*sweep, "hydra.launcher.wait=false").returncode == 0
    (job,) = queue()
    for command in (("scancel", "--signal=USR2", job), ("scontrol", "requeue", job)):
        for file in tmp_path.rglob("checkpoint.pt"):
            file.touch()
        started = time.time()
        until(lambda: queue().get(job) == "RUNNING")
        until(lambda: any(f.stat().st_mtime > started for f in tmp_path.rglob("checkpoint.pt")))  # noqa: B023
        ask(*command)
        until(lambda: queue().get(job) == "PENDING")
        asked = modrobust(*sweep, "hydra.launcher.wait=false")
        assert "1 runs: 0 done, 1 queued, 0 running; 0 to do" in asked.stdout
        ask("scontrol", "update", f"JobId={job}", "StartTime=now")
    assert modrobust(*sweep).returncode == 0
    status = (tmp_path / "outputs/runs").rglob("status.json")
    assert '"attempt": 3' in next(status).read_text()
    assert modrobust(*LONG, "seed=0", "paths.outputs=plain").returncode == 0
    assert results(tmp_path / "outputs/runs") == results(tmp_path / "plain/runs")


def test_cancelled_and_killed_runs_are_seen_and_done_again(modrobust: Modrobust, tmp_path: Path) -> None:
    sweep = ("-m", *LONG, "seed=0,1", *SLURM)
    assert modrobust(*sweep, "hydra.launcher.wait=false").returncode == 0
    first, second = sorted(queue())
    until(lambda: len(list(tmp_path.rglob("checkpoint.pt"))) == 2)
    states = {json.loads(file.read_text())["slurm_job_id"]: file for file in tmp_path.rglob("runs/**/status.json")}
    os.kill(json.loads(states[first].read_text())["pid"], signal.SIGKILL)
    ask("scancel", second)
    until(lambda: not queue())
    status = modrobust("--status", module="modrobust.report").stdout
    assert re.search(rf"lost +\d+ s +{first} .*\n +its Slurm job {first} \w+ \(", status)
    assert re.search(rf"preempted +\d+ s +{second} ", status)
    assert modrobust(*sweep).returncode == 0
    assert modrobust("-m", *LONG, "seed=0,1", "paths.outputs=plain").returncode == 0
    assert results(tmp_path / "outputs/runs") == results(tmp_path / "plain/runs")


def test_random_kills_of_jobs_steps_and_the_launcher_change_no_byte(modrobust: Modrobust, tmp_path: Path) -> None:
    runs = ("dataset=boolean", "training.epochs=300", "threads=1", "checkpoint_seconds=0.1", "seed=0,1,2,3,4,5")
    sweep = ("-m", *runs, *SLURM, "hydra.launcher.runs_per_job=2")
    chance = random.Random(0)
    launcher = subprocess.Popen([sys.executable, "-m", "modrobust", *sweep], cwd=tmp_path, stdout=subprocess.DEVNULL)
    until(lambda: bool(queue()))
    for how in ("KILL", "TERM", "launcher"):
        time.sleep(chance.uniform(2, 6))
        if how == "launcher":
            launcher.kill()
        elif jobs := sorted(queue()):
            subprocess.run(["scancel", f"--signal={how}", chance.choice(jobs)], check=False)
    launcher.wait()
    for _ in range(4):
        if modrobust(*sweep).returncode == 0:
            break
    else:
        raise AssertionError("the sweep did not end")
    assert modrobust("-m", *runs, "paths.outputs=plain").returncode == 0
    assert results(tmp_path / "outputs/runs") == results(tmp_path / "plain/runs")


def test_the_stock_launcher_uses_the_same_folders(modrobust: Modrobust, tmp_path: Path) -> None:
    stock = ("hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=10", "hydra.launcher.mem_gb=2")
    assert modrobust("-m", *TINY, "seed=0", *stock).returncode == 0
    assert modrobust(*TINY, "seed=0").stderr.count("done already") == 1


def test_gpus_setup_lines_and_a_python_of_ones_own(modrobust: Modrobust, tmp_path: Path) -> None:
    own = tmp_path / "python"
    own.write_text(f'#!/bin/sh\ntouch called\nexec {sys.executable} "$@"\n')
    own.chmod(0o755)
    options = (
        "hydra.launcher.gpus_per_node=1",
        'hydra.launcher.setup=["env > seen.txt"]',
        f"hydra.launcher.python={own}",
    )
    assert modrobust("-m", *TINY, "seed=0", *SLURM, *options).returncode == 0
    assert "CUDA_VISIBLE_DEVICES=0" in (tmp_path / "seen.txt").read_text()
    assert (tmp_path / "called").exists()
