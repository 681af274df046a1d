"""Which folders a sweep's runs have: those that the runs themselves will use, composed once for many."""

from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import pytest
from hydra import compose, initialize_config_dir

from modrobust.config.check import check
from modrobust.config.identity import run_folder
from modrobust.config.options import CONF
from modrobust.errors import UserError
from modrobust.sweep.plan import counted, plan

RUNS = Path("/runs")


def composed(calls: list[list[str]], overrides: list[str]) -> Any:
    calls.append(overrides)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=overrides, return_hydra_config=True)


@pytest.mark.parametrize(
    "overrides",
    [
        ("seed=3", "method=modules", "method.lr=.5", "method.level.Contrast=last"),
        ("dataset=boolean", "dataset.graph=[6,2,2]", "model=modular", "replicas=7", "device=cpu"),
        ("experiment=boolean_top_k", "model.top_k=3", "model.num_modules=[6,6]"),
        ("training/optimizer=adam", "training.epochs=10", "corruption.names=[Contrast,Swirl]"),
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


def test_runs_planned_together_are_those_planned_alone() -> None:
    jobs = [
        (f"method={method}", f"seed={seed}", f"method.lr={lr}", f"training.epochs={epochs}", f"vis={vis}")
        for method in ("modules", "img_space")
        for seed, lr, epochs, vis in ((0, 0.1, 3, True), (1, 0.1, 3, False), (1, 1, 3, False), (7, 0.01, 5, True))
    ]
    jobs += [("dataset=boolean", f"seed={seed}", f"method.tau={tau}") for seed, tau in ((0, 1), (1, 2.5))]
    together = plan(jobs, partial(composed, []), RUNS)
    for run, overrides in zip(together, jobs, strict=True):
        (alone,) = plan([overrides], partial(composed, []), RUNS)
        assert run == alone and run.resolved["seed"] == alone.content["seed"]


def test_thousands_of_runs_are_planned_without_composing_and_checking_each_anew() -> None:
    calls: list[list[str]] = []
    with patch("modrobust.sweep.plan.check", wraps=check) as checks:
        plan([("method=modules", f"seed={s}", "method.lr=.1") for s in range(300)], partial(composed, calls), RUNS)
    assert len(calls) == checks.call_count == 1


def test_a_run_twice_is_refused() -> None:
    with pytest.raises(UserError, match="two runs of the sweep are the same: 'seed=0' and 'threads=2' both are /runs/"):
        plan([("seed=0",), ("threads=2",)], partial(composed, []), RUNS)


def test_values_of_one_run_do_not_stay_in_the_next() -> None:
    jobs = [("dataset=boolean", "method.lr={dense:.3}"), ("dataset=boolean", "method.lr={modules:.3}")]
    for run, overrides in zip(plan(jobs, partial(composed, []), RUNS), jobs, strict=True):
        assert run.folder == RUNS / run_folder(composed([], list(overrides)))


def test_workers_of_a_search_are_not_called_runs() -> None:
    assert counted([Mock(overrides=("seed=1",))]) == "1 run"
    assert counted([Mock(overrides=("seed=1", f"search.worker={i}")) for i in range(2)]) == "2 workers"


def test_a_run_keeps_its_own_values_and_leaves_to_its_node_what_differs_between_nodes() -> None:
    first, second = plan([("seed=0",), ("seed=1",)], partial(composed, []), RUNS)
    assert (first.content["seed"], second.content["seed"]) == (0, 1)
    assert first.content["paths"]["data"].startswith("${")


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        ("training.epochs=-1", "training.epochs=-1: "),
        ("method.lr=-1", "method.lr=-1: "),
        ("training.epoch=1", "There is no key 'training.epoch'. Did you mean 'training.epochs'?"),
        ("method=modulez", "method=modulez: there is no such method. Did you mean 'modules'?"),
        ("dataset.n_train=many", "dataset.n_train=many: "),
    ],
)
def test_a_bad_run_refuses_the_whole_sweep_with_the_line_of_a_single_run(bad: str, line: str) -> None:
    key = bad.partition("=")[0]
    first = ("seed=0", "training.epochs=1") if key == "training.epochs" else ("seed=0",)  # of the same keys, and not
    with pytest.raises(UserError) as refused:
        plan([first, ("seed=1", bad)], partial(composed, []), RUNS)
    assert str(refused.value).startswith(line)
    assert str(refused.value).endswith(f" (run 2 of 2: seed=1 {bad})")
    with pytest.raises(UserError) as alone:
        plan([("seed=1", bad)], partial(composed, []), RUNS)
    assert str(refused.value) == f"{alone.value} (run 2 of 2: seed=1 {bad})"
