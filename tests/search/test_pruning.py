"""Hopeless trials end early, their work is kept, and finished runs become trials."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hydra.utils import instantiate
from in_process import modrobust
from omegaconf import OmegaConf

optuna = pytest.importorskip("optuna")

from modrobust.config.options import CONF, options  # noqa: E402
from modrobust.errors import Pruned  # noqa: E402
from modrobust.search.pruning import MOST, Watch  # noqa: E402
from modrobust.search.show import write_best  # noqa: E402
from modrobust.search.trial import Trial as Ended  # noqa: E402

BOOLEAN = ("dataset=boolean", "threads=1", "device=cpu", "search/steps=supervised")
SEARCH = ("-m", "search=tpe", *BOOLEAN, "search.workers=1")


def rows(**parts: list[float]) -> list[dict[str, Any]]:
    return [
        {"part": part, "epoch": epoch, "valid_loss": loss}
        for part, losses in parts.items()
        for epoch, loss in enumerate(losses, 1)
    ]


def study_with(*curves: list[dict[str, Any]]) -> Any:
    """A study whose finished trials had these losses."""
    study = optuna.create_study(direction="minimize", pruner=optuna.pruners.MedianPruner(n_startup_trials=1))
    for curve in curves:
        watch = Watch(study, study.ask().number, "valid_loss", 3)
        for row in curve:
            watch(row)
        study.tell(watch.id, curve[-1]["valid_loss"])
    return study


def seen(watch: Watch, curve: list[dict[str, Any]]) -> int:
    """How many epochs a trial has before it is pruned."""
    for number, row in enumerate(curve, 1):
        try:
            watch(row)
        except Pruned:
            return number
    return len(curve) + 1


def test_a_trial_is_compared_at_the_same_epoch_of_the_same_part_and_goes_on_as_it_began() -> None:
    study = study_with(rows(a=[0.2, 0.1], b=[0.9, 0.8]))
    trial = study.ask().number
    bad_in_b = rows(a=[0.2, 0.1], b=[3.0, 2.0])
    assert seen(Watch(study, trial, "valid_loss", 3), bad_in_b) == 3, "though it was as good before"
    assert seen(Watch(study, trial, "valid_loss", 3), bad_in_b) == 3, "another attempt, from the first row on"
    assert seen(Watch(study, study.ask().number, "valid_loss", 3), rows(a=[0.1, 0.1], b=[0.8, 0.7])) == 5


def ended(folder: Path, *scores: float) -> Ended:
    """A trial with finished seeds of three epochs each."""
    runs = tuple(folder / str(i) for i in range(len(scores)))
    for run in runs:
        run.mkdir(exist_ok=True)
        (run / "metrics.jsonl").write_text("{}\n" * 3)
    return Ended({}, runs, runs[0], "done", scores)


def test_a_trial_is_compared_by_the_seeds_before_and_with_the_same_seed(tmp_path: Path) -> None:
    study = study_with()
    good, curve = ended(tmp_path, 0.1), rows(a=[0.2, 0.1])
    for _ in range(2):
        trial = study.ask()
        watch = Watch(study, trial.number, "valid_loss", 2)
        assert seen(watch, curve) == 3 and watch.between(good) is None
        assert seen(watch, rows(a=[0.4, 0.3])) == 3, "worse than the first seed, as good as the others' second"
        study.tell(trial, 0.2)
    number = study.ask().number
    for _ in range(2):  # another attempt
        watch = Watch(study, number, "valid_loss", 2)
        assert watch.between(ended(tmp_path, 0.5)) == "0.5, in its first seed: other trials were better by then"
        assert watch.between(ended(tmp_path, 0.5, 0.3)) is None, "nobody came as far"
        watch.between(good)
        assert seen(watch, rows(a=[0.5, 0.4])) == 1


def test_accuracies_are_percent_and_a_journal_stays_short() -> None:
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner())
    watch = Watch(study, study.ask().number, "accuracy", 10 * MOST)
    for epoch in range(1, 10 * MOST + 1):
        watch({"part": "a", "epoch": epoch, "valid_accuracy": 0.5, "valid_loss": 1.0})
    told = study.trials[0].intermediate_values
    assert len(told) == MOST and set(told.values()) == {50.0}


@pytest.mark.parametrize("name", options("search/pruner"))
def test_every_pruner_ends_what_is_hopeless_and_nothing_else(name: str) -> None:
    pruner = instantiate(OmegaConf.load(CONF / f"search/pruner/{name}.yaml"))
    study = optuna.create_study(direction="minimize", pruner=pruner)
    epochs = []
    for number in range(12):
        trial, loss = study.ask(), 1.0 if number < 10 else (5.0, 0.5)[number - 10]
        curve = rows(a=[loss / epoch for epoch in range(1, 17)])
        epochs.append(seen(Watch(study, trial.number, "valid_loss", 16), curve))
        study.tell(trial, loss)
    assert epochs[10] < 17 and epochs[11] == 17


@pytest.mark.parametrize("name", options("search/pruner"))
def test_every_pruner_looks_between_seeds(name: str, tmp_path: Path) -> None:
    pruner = instantiate(OmegaConf.load(CONF / f"search/pruner/{name}.yaml"))
    study = optuna.create_study(direction="minimize", pruner=pruner)
    hopeless = []
    for number in range(12):
        trial, loss = study.ask(), 1.0 if number < 10 else (5.0, 0.5)[number - 10]
        watch = Watch(study, trial.number, "valid_loss", 2)
        for row in rows(a=[loss] * 3):
            with suppress(Pruned):  # it would have ended here
                watch(row)
        hopeless.append(watch.between(ended(tmp_path, loss)))
        study.tell(trial, loss)
    assert hopeless[10] and hopeless[11] is None


def test_a_pruned_trial_is_no_failure_and_another_command_finishes_its_run(tmp_path: Path) -> None:
    median = ("search/pruner=median", "search.pruner.n_startup_trials=1", "search.trials=4")
    ended = modrobust(tmp_path, *SEARCH, *median, "training.epochs=15")
    assert ended.code == 0, ended.err
    (file,) = tmp_path.glob("outputs/runs/*/*/search-*/trials.csv")
    table = pd.read_csv(file)
    assert set(table["state"]) == {"done", "pruned"} and "pruned: " in ended.err + ended.out
    pruned = table[table["state"] == "pruned"].iloc[0]
    assert "in validation, epoch" in pruned["error"] and pd.isna(pruned["value"])
    run = Path(pruned["run"])
    value = f"method.lr.dense={pruned['method.lr.dense']:.4g}"
    alone = ("dataset=boolean", "threads=1", "device=cpu", "training.epochs=15", "seed=48121620")
    alone = (*alone, "evaluation.split=valid", value)
    assert list(tmp_path.glob("outputs/parts/*/*/checkpoint.pt"))
    for more in ((), ("paths.outputs=other",)):  # goes on; anew
        assert modrobust(tmp_path, *alone, *more).code == 0
    assert json.loads((run / "status.json").read_text())["attempt"] == 2
    other = tmp_path / "other" / run.relative_to(tmp_path / "outputs")
    assert (run / "results.csv").read_bytes() == (other / "results.csv").read_bytes()


def test_a_trial_of_several_seeds_is_their_mean_and_is_given_up_between_them(tmp_path: Path) -> None:
    seeds = (*SEARCH, "search.seed=[3,5]", "search/pruner=median", "search.pruner.n_startup_trials=1")
    late = ("search.pruner.n_warmup_steps=5", "training.epochs=4", "search.trials=4")  # no look within a first seed
    ended = modrobust(tmp_path, *seeds, *late)
    assert ended.code == 0, ended.err
    assert "of each seed" in ended.out
    (file,) = tmp_path.glob("outputs/runs/*/*/search-*/trials.csv")
    table = pd.read_csv(file)
    assert set(table["state"]) == {"done", "pruned"}
    scores = table["seeds"].astype(str).str.split()
    for value, some, state in zip(table["value"], scores, table["state"], strict=True):
        assert len(some) == 2 or state == "pruned"
        assert pd.isna(value) if state == "pruned" else value == pytest.approx(sum(map(float, some)) / 2, abs=1e-3)
    pruned = table[table["state"] == "pruned"].iloc[0]
    assert "in its first seed: other trials were better" in pruned["error"] and Path(pruned["run"]).name[:6] == "seed5-"
    assert not list(Path(pruned["run"]).glob("metrics*"))
    write_best([file.parent], tmp_path)
    (recipe,) = tmp_path.glob("*.yaml")
    assert "seed [3,5]" in recipe.read_text()


def test_equal_draws_end_and_finished_runs_start_another_search_warm(tmp_path: Path) -> None:
    def asked(values: str, *more: str) -> str:
        key = f"+search.steps.network.values.model.hidden={values}"
        ended = modrobust(tmp_path, *SEARCH, "training.epochs=1", "~search.steps.network.values.method", key, *more)
        assert ended.code == 0, ended.err
        return ended.out + ended.err

    assert "the best of 2 trials" in asked("[null,[8]]", "search.trials=5")
    said = asked("[null,[4]]", "search.trials=1", "search.warm_start=true")
    assert "warm start: 1 finished runs are trials now; 1 lie outside" in said
    assert "is a search of its own beside" in said and "model.hidden is [null,[4]], there [null,[8]]" in said
    assert len(list(tmp_path.glob("outputs/runs/*/*/seed*"))) in (2, 3)
    files = [json.loads(file.read_text()) for file in tmp_path.glob("outputs/runs/*/*/search-*/search.json")]
    (warm,) = [one for file in files for one in file["steps"]["network"]["trials"] if "warm" in one]
    assert warm["values"] == {"model.hidden": None}
