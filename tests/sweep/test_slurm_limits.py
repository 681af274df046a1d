"""Slurm ends or interrupts a job: at its time limit, for other jobs, for its memory; on a real Slurm."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sweeps import SLOW, SLURM, Modrobust, ask, queue, until

pytestmark = pytest.mark.usefixtures("slurm")


def attempts(folder: Path) -> list[int]:
    return [json.loads(file.read_text())["attempt"] for file in (folder / "outputs/runs").rglob("status.json")]


@pytest.mark.usefixtures("slow")
def test_at_the_time_limit_a_run_saves_and_goes_on(
    modrobust: Modrobust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_undisturbed: Callable[..., bool]
) -> None:
    monkeypatch.setenv("SECONDS_AN_EPOCH", "0.6")  # longer than the minute that is Slurm's smallest limit
    limit = ("hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=10")
    ended = modrobust("-m", *SLOW, "seed=0", *SLURM, *limit)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert attempts(tmp_path) == [2]
    assert "interrupted by SIGUSR2" in next((tmp_path / "outputs/runs").rglob("run.log")).read_text()
    assert as_undisturbed(*SLOW, "seed=0")


@pytest.mark.usefixtures("slow")
def test_a_job_that_must_make_room_comes_back(
    modrobust: Modrobust, tmp_path: Path, as_undisturbed: Callable[..., bool]
) -> None:
    options = ("hydra/launcher=slurm_preemptible", "hydra.launcher.gpus_per_node=2", "hydra.launcher.mem_gb=2")
    sweep = ("-m", *SLOW, "seed=0", *options, "hydra.launcher.cpus_per_task=1")
    assert modrobust(*sweep, "hydra.launcher.wait=false").returncode == 0
    (job,) = queue()
    until(lambda: any(tmp_path.rglob("checkpoint.pt")))
    ask("sbatch", "--gpus-per-node=2", "--time=1", "--output=/dev/null", "--wrap=true")
    until(lambda: queue().get(job) == "PENDING")
    assert modrobust(*sweep).returncode == 0
    assert attempts(tmp_path) == [2]
    assert "interrupted by SIGTERM" in next((tmp_path / "outputs/runs").rglob("run.log")).read_text()
    assert as_undisturbed(*SLOW, "seed=0")


def test_a_job_over_its_memory_is_told(modrobust: Modrobust, tmp_path: Path) -> None:
    ended = modrobust("-m", *SLOW, "seed=0", *SLURM, "hydra.launcher.mem_gb=0.1")
    assert ended.returncode == 1
    assert re.search(r"lost: .*seed=0: its Slurm job \d+ ran out of memory \(.*\.err\)", ended.stdout)
    status = modrobust("--status", module="modrobust.report").stdout
    assert re.search(r"its Slurm job \d+ ran out of memory \(", status)
