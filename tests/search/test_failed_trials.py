"""Trials that fail are kept as failed, with their line, and the search goes on."""

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from in_process import modrobust

from modrobust.search import deaths
from modrobust.search.show import write_best
from modrobust.sweep.status import Status

SCHEDULE = '''
"""A learning rate schedule that can't be run with some values, unless there is a file `mended`."""

import os
from pathlib import Path

from torch.optim.lr_scheduler import ExponentialLR


class Failing(ExponentialLR):
    def __init__(self, optimizer, gamma):
        if gamma < 0.5 and not Path("mended").exists():
            raise RuntimeError(f"gamma={gamma} can't be run")
        if gamma > 1:
            os._exit(1)
        super().__init__(optimizer, gamma)
'''
SEARCH = (
    *("dataset=boolean", "training.epochs=2", "threads=1", "device=cpu", "search/steps=supervised"),
    *("training.schedule._target_=failing.Failing", "~search.steps.network.values.method"),
)


def asked(kind: str, *gammas: float, more: tuple[str, ...] = ()) -> tuple[str, ...]:
    return (
        "-m",
        f"search={kind}",
        *SEARCH,
        f"+search.steps.network.values.training.schedule.gamma={list(gammas)}",
        *more,
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "failing.py").write_text(SCHEDULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "failing", raising=False)
    return tmp_path


def trials(folder: Path) -> pd.DataFrame:
    (file,) = folder.glob("outputs/runs/*/*/search-*/trials.csv")
    return pd.read_csv(file)


def attempts(table: pd.DataFrame) -> list[int]:
    return [json.loads((Path(run) / "status.json").read_text())["attempt"] for run in table["run"]]


def test_a_grid_goes_on_and_a_recipe_is_written(folder: Path) -> None:
    ended = modrobust(folder, *asked("grid", 0.1, 0.9))
    assert ended.code == 0, ended.err
    assert "failed: training.schedule.gamma=0.1: " in ended.out and "gamma=0.1 can't be run" in ended.out
    table = trials(folder)
    assert table["state"].tolist() == ["done", "failed"] and table["chosen"].tolist() == [True, False]
    assert "can't be run" in table["error"].iloc[1]
    assert modrobust(folder, *asked("grid", 0.1, 0.9)).code == 0
    assert attempts(table) == [1, 1], "nothing to do"
    write_best([folder / "outputs/runs"], folder / "recipe")
    text = (folder / "recipe/boolean_supervised.yaml").read_text()
    assert (
        yaml.safe_load(text)["training"]["schedule"]["gamma"] == 0.9
        and "2 configurations tried, 1 of them failed" in text
    )


def test_a_sampler_takes_the_next_trial_and_is_done_whatever_became_of_its_workers(folder: Path) -> None:
    pytest.importorskip("optuna")
    more = ("search.trials=6", "search.workers=1")
    ended = modrobust(folder, *asked("tpe", 0.3, 0.9, more=more))
    assert ended.code == 0, ended.err
    table = trials(folder)
    assert len(table) == 6 and set(table["state"]) == {"done", "failed"}
    assert (table["training.schedule.gamma"] < 0.5).tolist() == (table["state"] == "failed").tolist()
    (worker,) = folder.glob("outputs/runs/*/*/search-*/network-6/worker-0/status.json")
    worker.write_text(json.dumps({**json.loads(worker.read_text()), "state": "running", "pid": 2**30}))  # was killed
    again = modrobust(folder, *asked("tpe", 0.3, 0.9, more=more))
    assert again.code == 0 and "the best of 6 trials" in again.out
    assert trials(folder)["run"].tolist() == table["run"].tolist() and attempts(table) == [1] * 6


@pytest.mark.parametrize("kind", ["grid", "tpe"])
def test_where_all_failed_the_same_command_tries_them_again(folder: Path, kind: str) -> None:
    pytest.importorskip("optuna")
    more = ("search.trials=2", "search.workers=1") if kind == "tpe" else ()
    for number in (1, 2):
        ended = modrobust(folder, *asked(kind, 0.1, 0.2, more=more))
        table = trials(folder)
        assert ended.code == 1 and "all 2 trials of step network failed: " in ended.err and "can't be run" in ended.err
        assert "Traceback" not in ended.err and attempts(table) == [number, number]
    (folder / "mended").touch()
    assert modrobust(folder, *asked(kind, 0.1, 0.2, more=more)).code == 0
    assert trials(folder)["state"].tolist() == ["done", "done"]
    assert set(trials(folder)["run"]) == set(table["run"])


def test_a_trial_that_kills_its_process_is_tried_again_but_not_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deaths, "MOST", 2)
    launcher = ("hydra/launcher=local", "hydra.launcher.processes=1")
    ended = modrobust(folder, *asked("grid", 0.9, 2, more=launcher))
    assert ended.code == 0, ended.err
    table = trials(folder)
    assert table["state"].tolist() == ["done", "failed"] and attempts(table) == [1, 2]
    assert table["error"].iloc[1] == "its process has ended without a word, 2 times"


def test_deaths_of_a_worker_count_for_its_trial_and_cancelled_jobs_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(name: str, pid: int, state: str = "running") -> Path:
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "status.json").write_text(json.dumps({"state": state, "host": "node1", "pid": pid}))
        return tmp_path / name

    def lost(job: str | None, error: str) -> Status:
        return Status("lost", job, error, tmp_path, time.time(), time.time())

    def content(run: Path) -> dict[str, Any]:
        return dict(json.loads((run / "status.json").read_text()))

    workers = [put("worker-0", 7), put("worker-1", 8)]
    mine, other, free = put("mine", 7), put("other", 8), put("free", 9, "preempted")
    found = {
        workers[0]: lost("1_0", "its Slurm job 1_0 ran out of memory"),
        workers[1]: lost("1_1", "... was cancelled"),
    }
    monkeypatch.setattr(deaths, "statuses", lambda jobs, runs: found)
    assert [deaths.count_deaths(workers, [mine, other, free], tmp_path, True) for _ in range(3)] == [True, True, False]
    assert content(mine)["state"] == "failed" and content(mine)["deaths"] == 3
    assert "deaths" not in content(other) and "deaths" not in content(free)
    mine = put("mine", 7)
    found[workers[0]] = lost(None, "its process has ended without a word")
    assert not deaths.count_deaths(workers, [mine], tmp_path, launched=False), "perhaps with its launcher"
