"""A pool uses all there is of a machine, or of a job's share: cores, GPUs; what does not fit comes again, alone."""

import json
import re
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread
from typing import cast
from unittest.mock import patch

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.config_loader import ConfigLoader
from hydra.types import HydraContext
from omegaconf import DictConfig
from sweeps import SLURM, TINY, Modrobust, results

from modrobust import machine
from modrobust.config.options import CONF
from modrobust.machine import places
from modrobust.sweep import pool
from modrobust.sweep.order import Order
from modrobust.sweep.plan import Planned, plan
from modrobust.sweep.pool import Pool

CONTEXT = HydraContext(cast(ConfigLoader, None), Callbacks())
GREEDY = '''
"""A learning rate schedule that finds no memory, the first time it is made in a folder."""

from pathlib import Path

from torch.optim.lr_scheduler import ExponentialLR


class Greedy(ExponentialLR):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        try:
            Path("tried").mkdir()
        except FileExistsError:
            return
        raise RuntimeError("CUDA out of memory. Tried to allocate 8 EiB.")
'''


@pytest.mark.parametrize(
    ("visible", "gpus", "seen"),
    [
        (None, 2, ["0", "1", "0"]),
        ("4,6,7", 2, ["4", "6", "4"]),
        ("3", 2, ["3", "3", "3"]),
        ("4,6", 0, [None] * 3),
        ("4,6", None, ["4", "6", "4"]),
        ("", None, [None] * 3),
        ("NoDevFiles", None, [None] * 3),
    ],
)
def test_workers_take_turns_with_the_gpus_there_are(
    visible: str | None, gpus: int, seen: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    used = places(processes=3, gpus=gpus, runs_per_gpu=1, threads=1)
    assert [place.get("CUDA_VISIBLE_DEVICES") for place in used] == seen


def test_all_gpus_are_used_else_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.setattr(machine, "cores", lambda: 7)
    count = Counter(place["CUDA_VISIBLE_DEVICES"] for place in places(None, None, 3, 2))
    assert count == dict.fromkeys("0123", 3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert places(None, None, 3, 2) == [{}, {}, {}] and places(None, None, 3, 8) == [{}]


def test_cores_are_those_of_the_process_and_its_group(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: set(range(16)))
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    assert machine.cores() == 16
    (tmp_path / "cpu.max").write_text("250000 100000\n")
    assert machine.cores() == 3
    (tmp_path / "cpu.max").write_text("max 100000\n")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    assert machine.cores() == 4
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("990\n")
    assert machine.memory_left() == pytest.approx(0.01)


def test_every_visible_gpu_has_runs(modrobust: Modrobust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,6")
    ended = modrobust("-m", *TINY, "seed=range(6)", "hydra/launcher=local")
    assert ended.returncode == 0 and "6 runs in 2 processes on 2 GPUs" in ended.stdout, ended.stderr
    told = [json.loads(file.read_text()) for file in (tmp_path / "outputs/runs").rglob("status.json")]
    assert {status["gpus"] for status in told} == {"5", "6"}


def test_a_run_that_finds_no_memory_is_tried_again_alone(modrobust: Modrobust, tmp_path: Path) -> None:
    (tmp_path / "greedy.py").write_text(GREEDY)
    sweep = ("-m", *TINY, "training.schedule._target_=greedy.Greedy", "seed=0,1", "hydra/launcher=local")
    ended = modrobust(*sweep, "hydra.launcher.processes=2")
    assert ended.returncode == 0, ended.stderr
    assert "1 runs did not fit into memory beside others: they are tried again, one by one." in ended.stdout
    told = [json.loads(file.read_text()) for file in (tmp_path / "outputs/runs").rglob("status.json")]
    assert sorted(status["attempt"] for status in told) == [1, 2]
    (tmp_path / "tried").rmdir()  # alone there is no more to try
    ended = modrobust(*sweep, "hydra.launcher.processes=1", "paths.outputs=alone")
    assert ended.returncode == 1 and "not enough memory: CUDA out of memory" in ended.stdout


def test_the_largest_run_makes_room_where_memory_runs_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        overrides = ["dataset=boolean", "training.epochs=300", "threads=1"]
        cfg = compose("config", overrides=overrides, return_hydra_config=True)
    runs = plan([("seed=0",), ("seed=1",)], lambda _: cfg.copy(), tmp_path / "runs")
    monkeypatch.setattr(machine, "memory_left", lambda: 0.0)
    monkeypatch.setattr(pool, "SECONDS_BETWEEN_LOOKS_AT_MEMORY", 0)
    said: list[str] = []
    (tmp_path / "logs").mkdir()
    with patch.object(pool.Worker, "make_room", autospec=True, side_effect=pool.Worker.make_room) as asked:
        made = Pool(runs, CONTEXT, [{}, {}], said.append, tmp_path / "logs")
        made.run(lambda done, failed, running: None)
    assert asked.call_count >= 1 and any("did not fit into memory" in text for text in said)
    assert (made.order.done, made.order.failed) == (2, 0)


@pytest.mark.usefixtures("slurm")
def test_a_job_with_several_gpus_does_as_many_runs_at_once(modrobust: Modrobust, tmp_path: Path) -> None:
    job = ("hydra.launcher.runs_per_job=4", "hydra.launcher.gpus_per_node=2")
    ended = modrobust("-m", *TINY, "seed=range(4)", *SLURM, *job)
    assert ended.returncode == 0 and "submitted 1 jobs with 4 runs" in ended.stdout, ended.stderr
    told = [json.loads(file.read_text()) for file in (tmp_path / "outputs/runs/boolean").rglob("status.json")]
    assert {status["gpus"] for status in told} == {"0", "1"} and len(results(tmp_path / "outputs/runs")) == 4
    assert len({status["pid"] for status in told}) == 2
    (log,) = (tmp_path / "outputs/runs/.submitit").rglob("*_log.err")
    assert re.search("4 runs in 2 processes", log.read_text())


def test_of_free_gpus_those_come_first_that_have_had_the_fewest_runs(tmp_path: Path) -> None:
    stage = Planned((), tmp_path / "stage", {}, cast(DictConfig, None))
    others = [replace(stage, folder=tmp_path / f"{i}", after={"stage": stage.folder}) for i in range(7)]
    order, had = Order([stage, *others]), Counter[str]()
    assert order.take("0") is stage

    def work(gpu: str) -> None:
        while run := order.take(gpu):
            had[gpu] += 1
            everyone.wait()  # runs are equally long
            order.ended(run, True)

    everyone = Barrier(7, timeout=60)
    threads = [Thread(target=work, args=(str(gpu),)) for gpu in range(1, 8)]
    for thread in threads:
        thread.start()
    while len(order._free) < 7:
        time.sleep(0.001)
    order.ended(stage, True)
    assert order.take("0") is None, "it has had one"
    for thread in threads:
        thread.join()
    assert set(had.values()) == {1} and order.done == 8
