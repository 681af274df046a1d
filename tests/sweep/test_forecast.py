"""modrobust -m ... --dry-run: what a sweep would do and take; it does nothing."""

import re
from pathlib import Path

from sweeps import TINY, Modrobust

FEW = ("training.epochs=1", "dataset.n_train=64", "dataset.n_valid=16", "dataset.n_test=16", "threads=1")


def test_runs_parts_jobs_time_and_disk_are_told(modrobust: Modrobust) -> None:
    assert modrobust("-m", *TINY, "seed=0").returncode == 0
    options = ("hydra/launcher=slurm", "hydra.launcher.gpus_per_node=2", "hydra.launcher.partition=fast")
    ended = modrobust("-m", *TINY, "seed=0,1,2", "model=mlp,modular", *options, "--dry-run")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert re.fullmatch(r"done +dataset=boolean .* seed=0 model=mlp", lines[1])
    assert re.fullmatch(r"to do +unknown +dataset=boolean .* seed=0 model=modular", lines[2])
    assert re.fullmatch(r"to do +\d+ s +dataset=boolean .* seed=1 model=mlp", lines[3])
    after = "\n".join(lines[7:])
    assert "6 runs in outputs/runs: 1 done, 0 queued, 0 running; 5 to do\n" in after
    assert "to train: 5 supervised; 1 are there\n" in after
    assert "Slurm: 5 jobs in 1 arrays on partition fast, each with 2 GPUs, 4 cores, 24 GB, 240 min at a time\n" in after
    assert re.search(
        r"time: \d+ s of all together, by 1 earlier runs on cpu.*; unknown for 3 supervised-modular\n", after
    )
    assert re.search(r"cost: 0\.\d GPU hours, 0\.\d core hours", after)
    assert re.search(r"disk: \d+ MB in \d+ files", after)
    ended = modrobust("-m", *TINY, "seed=0", "--dry-run")
    assert ended.stdout.endswith("0 to do\nto train: nothing; 1 are there\nNothing was begun or submitted.\n")


def test_nothing_is_written_or_submitted(modrobust: Modrobust, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    ended = modrobust(*FEW, "method=modules", "--dry-run", "hydra/launcher=slurm", "hydra.launcher.split=parts")
    assert ended.returncode == 0 and "first, each by one job: 1 backbone, 6 module\n" in ended.stdout
    assert "Slurm: 8 jobs in 3 arrays" in ended.stdout and "time, disk: unknown" in ended.stdout
    assert set(tmp_path.rglob("*")) == before


def test_what_is_wrong_is_refused_as_without_it(modrobust: Modrobust) -> None:
    ended = modrobust("-m", *TINY, "seed=0,-1", "--dry-run")
    assert ended.returncode == 1 and "seed=-1: a whole number of at least 0 is needed." in ended.stderr
    ended = modrobust("-m", "search=grid", "--dry-run")
    assert ended.returncode == 1 and ended.stderr.startswith("modrobust: --dry-run is for sweeps")
