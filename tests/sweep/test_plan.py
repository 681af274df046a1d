"""Which folders a sweep's runs have: those that the runs themselves will use, composed once for many."""

from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hydra import compose, initialize_config_dir

from modrobust.config.identity import run_folder
from modrobust.config.options import CONF
from modrobust.errors import UserError
from modrobust.sweep.plan import counted, different, plan

RUNS = Path("/runs")


def composed(calls: list[list[str]], overrides: list[str]) -> Any:
    calls.append(overrides)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        ("seed=3", "method=modules", "method.lr=.5", "method.level.Contrast=last"),
        ("dataset=boolean", "dataset.graph=[6,2,2]", "model=modular", "replicas=7", "device=cpu"),
        ("experiment=boolean_top_k", "model.top_k=3", "model.num_modules=[6,6]"),
        ("training/optimizer=adam", "training.epochs=1e1", "corruption.names=[Contrast,Swirl]"),
    ],
)
def test_a_run_has_the_folder_that_hydra_gives_it(overrides: tuple[str, ...]) -> None:
    (run,) = plan([overrides], partial(composed, []), RUNS)
    assert run.folder == RUNS / run_folder(composed([], list(overrides)))
    assert run.overrides == overrides


def test_runs_that_differ_in_values_share_what_is_composed() -> None:
    calls: list[list[str]] = []
    jobs = [("dataset=boolean", f"model={m}", f"seed={s}") for m in ("mlp", "modular") for s in range(50)]
    runs = plan(jobs, partial(composed, calls), RUNS)
    assert len({run.folder for run in runs}) == 100
    assert calls == [["dataset=boolean", "model=mlp"], ["dataset=boolean", "model=modular"]]


def test_a_run_twice_is_refused() -> None:
    with pytest.raises(UserError, match="two runs of the sweep are the same: 'seed=0' and 'threads=2' both are /runs/"):
        plan([("seed=0",), ("threads=2",)], partial(composed, []), RUNS)


def test_values_of_one_run_do_not_stay_in_the_next() -> None:
    jobs = [("dataset=boolean", "method.lr={dense:.3}"), ("dataset=boolean", "method.lr={modules:.3}")]
    for run, overrides in zip(plan(jobs, partial(composed, []), RUNS), jobs, strict=True):
        assert run.folder == RUNS / run_folder(composed([], list(overrides)))


def test_hydra_composes_one_of_runs_that_differ_in_values() -> None:
    jobs = [("dataset=boolean", f"model={m}", f"seed={s}") for m in ("mlp", "modular") for s in range(50)]
    assert different([*jobs, ("seeed=1",)]) == [jobs[0], jobs[50], ("seeed=1",)]


def test_workers_of_a_search_are_not_called_runs() -> None:
    assert counted([Mock(overrides=("seed=1",))]) == "1 run"
    assert counted([Mock(overrides=("seed=1", f"search.worker={i}")) for i in range(2)]) == "2 workers"
