"""hydra/launcher=slurm on a real Slurm: failures, signals, kills, requeues; nothing is lost, nothing done twice."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from chaos import KINDS, disturbed
from sweeps import SLOW, SLURM, TINY, Modrobust, ask, queue, results, start, until

pytestmark = pytest.mark.usefixtures("slurm")


def test_a_failed_run_hides_nothing_and_arrays_are_split(modrobust: Modrobust, tmp_path: Path) -> None:
    sweep = ("-m", *TINY, "seed=0,1,2", "method.gumbel=true,false", *SLURM, "hydra.launcher.runs_per_job=2")
    ended = modrobust(*sweep)
    assert ended.returncode == 1
    assert ended.stdout.count("submitted") == 2  # two jobs and one
    assert ended.stdout.count("method.gumbel=true: the network learns no selection that could be noisy.") == 3
    assert ended.stderr.strip().endswith("modrobust: 3 of 6 runs are not done; the same command tries them again.")
    again = modrobust(*sweep, "hydra.launcher.wait=false", "hydra.launcher.setup=[sleep 12]")  # or they ended too soon
    assert again.returncode == 0 and "6 runs: 3 done, 0 queued, 0 running; 3 to do" in again.stdout
    waited = modrobust(*sweep)  # for what was submitted again, though it failed before
    assert waited.returncode == 1 and "; 0 to do" in waited.stdout and "submitted" not in waited.stdout
    told = [json.loads(file.read_text()) for file in (tmp_path / "outputs/runs").rglob("status.json")]
    assert sorted(status["attempt"] for status in told) == [1] * 3 + [2] * 3
    assert modrobust(*TINY, "seed=2", "paths.outputs=alone").returncode == 0
    assert results(tmp_path / "alone/runs").items() <= results(tmp_path / "outputs/runs").items()


def test_what_slurm_refuses_is_one_line_and_leaves_no_queued_runs(modrobust: Modrobust, tmp_path: Path) -> None:
    ended = modrobust("-m", *TINY, "seed=0,1", *SLURM, "hydra.launcher.constraint=nowhere")
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    last = ended.stderr.splitlines()[-1]  # sbatch's own line is before it
    assert last.startswith("modrobust: Slurm refuses the jobs: ") and "feature" in last
    assert not list(tmp_path.rglob("runs/**/status.json"))


@pytest.mark.usefixtures("slow")
def test_signals_and_requeues_change_nothing(
    modrobust: Modrobust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_undisturbed: Callable[..., bool]
) -> None:
    monkeypatch.setenv("SLOW_TURNS", "2")
    at_once = ("hydra.launcher.runs_per_job=2", "hydra.launcher.processes=2")
    sweep = ("-m", *SLOW, "seed=0,1", *SLURM, *at_once)
    assert modrobust(*sweep, "hydra.launcher.wait=false").returncode == 0
    (job,) = queue()
    for command in (("scancel", "--signal=USR2", job), ("scontrol", "requeue", job)):
        for file in tmp_path.rglob("checkpoint.pt"):
            file.touch()
        started = time.time()
        until(lambda: queue().get(job) == "RUNNING")
        until(lambda: sum(f.stat().st_mtime > started for f in tmp_path.rglob("checkpoint.pt")) == 2)  # noqa: B023
        ask(*command)
        until(lambda: queue().get(job) == "PENDING")
        asked = modrobust(*sweep, "hydra.launcher.wait=false")
        assert "2 runs: 0 done, 2 queued, 0 running; 0 to do" in asked.stdout
        start(job)
    assert modrobust(*sweep).returncode == 0
    for status in (tmp_path / "outputs/runs").rglob("status.json"):
        assert '"attempt": 3' in status.read_text()
    assert as_undisturbed(*SLOW, "seed=0,1")


@pytest.mark.usefixtures("slow")
def test_cancelled_and_killed_runs_are_seen_and_done_again(
    modrobust: Modrobust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_undisturbed: Callable[..., bool]
) -> None:
    sweep = ("-m", *SLOW, "seed=0,1", *SLURM)
    assert modrobust(*sweep, "hydra.launcher.wait=false").returncode == 0
    first, second = sorted(queue())
    until(lambda: len(list(tmp_path.rglob("checkpoint.pt"))) == 2)
    states = {json.loads(file.read_text())["slurm_job_id"]: file for file in tmp_path.rglob("runs/**/status.json")}
    os.kill(json.loads(states[first].read_text())["pid"], signal.SIGKILL)
    ask("scancel", second)
    until(lambda: not queue())
    status = modrobust("--status", module="modrobust.report").stdout
    assert re.search(rf"lost +\d+ s +{first} .*\n +its Slurm job {first} failed \(.*\.err\)", status)
    assert re.search(rf"preempted +\d+ s +{second} ", status)
    monkeypatch.setenv("SECONDS_AN_EPOCH", "0")
    assert modrobust(*sweep).returncode == 0
    assert as_undisturbed(*SLOW, "seed=0,1")


def test_random_kills_of_jobs_steps_processes_and_the_launcher_change_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_undisturbed: Callable[..., bool]
) -> None:
    """tests/benchmarks/kills.py does the same with a hundred runs."""
    monkeypatch.setenv("SECONDS_AN_EPOCH", "0.03")
    chance = random.Random(0)
    kinds = chance.sample(KINDS, len(KINDS))
    at_once = ("hydra.launcher.runs_per_job=2", "hydra.launcher.processes=2")
    sweep = ("-m", *SLOW, "seed=0,1,2,3", *SLURM, *at_once)
    count = disturbed(sweep, tmp_path, kinds, chance, pause=(1, 3))
    assert [count[kind] for kind in KINDS] == [1] * len(KINDS)
    assert as_undisturbed(*SLOW, "seed=0,1,2,3")


@pytest.mark.usefixtures("slow")
def test_a_run_whose_node_goes_down_goes_on_on_another(
    modrobust: Modrobust, tmp_path: Path, as_undisturbed: Callable[..., bool]
) -> None:
    sweep = ("-m", *SLOW, "seed=0", *SLURM, "hydra.launcher.partition=both")
    assert modrobust(*sweep, "hydra.launcher.wait=false").returncode == 0
    until(lambda: bool(list(tmp_path.rglob("checkpoint.pt"))))
    (job,), node = queue(), ask("squeue", "-h", "-o", "%N")
    assert node

    def moved() -> bool:
        subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], capture_output=True, check=False)
        return ask("squeue", "-h", "-o", "%N") not in ("", node)

    try:
        for state in ("DOWN", "DRAIN"):  # so that it does not come back by itself
            ask("scontrol", "update", f"NodeName={node}", f"State={state}", "Reason=test")
        until(moved)
        assert modrobust(*sweep).returncode == 0
    finally:
        ask("scontrol", "update", f"NodeName={node}", "State=RESUME")
    assert as_undisturbed(*SLOW, "seed=0")


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
