"""The command: modrobust -m search=grid and search=tpe, and what modrobust-report --best makes of them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from in_process import modrobust
from PIL import Image

from modrobust.search.show import write_best

TINY = (
    *("dataset.n_train=20", "dataset.n_valid=10", "dataset.n_test=10", "training.epochs=1", "threads=1"),
    *("device=cpu", "corruption.names=[Contrast]"),
)
TWO_BY_TWO = (
    *("search/steps=modules", "search.steps.backbone.values.method.backbone_lr=[0.1,0.01]"),
    *("search.steps.modules.values.method.lr=[0.1,0.01]", "search.steps.modules.values.method.weight=[1]"),
)
NO_SCALE = ("search/steps=cross_entropy", "search.steps.classifier.values.method.lr=[0,0.001,1]")


def trials(folder: Path) -> pd.DataFrame:
    (file,) = folder.glob("outputs/runs/*/*/search-*/trials.csv")
    return pd.read_csv(file)


def test_two_steps_reuse_parts_and_end_as_a_recipe_that_is_used(tmp_path: Path) -> None:
    sweep = ("-m", "search=grid", "method=modules", *TINY, *TWO_BY_TWO)
    ended = modrobust(tmp_path, *sweep)
    assert ended.code == 0, ended.err
    table = trials(tmp_path)
    assert table["step"].tolist() == ["backbone"] * 2 + ["modules"] * 2
    assert set(table["state"]) == {"done"} and table["chosen"].sum() == 2
    assert table.groupby("step")["value"].idxmax().tolist() == table.index[table["chosen"]].tolist()
    backbones = list((tmp_path / "outputs/parts/digits").glob("classifier-*"))
    assert len(backbones) == 2, "step two trains no backbone"
    configs = [yaml.safe_load((Path(run) / "config.yaml").read_text()) for run in table["run"]]
    chosen = table.loc[(table["step"] == "backbone") & table["chosen"], "method.backbone_lr"].item()
    assert {config["method"]["backbone_lr"] for config in configs[2:]} == {chosen}
    assert {config["seed"] for config in configs} == {48121620}
    assert {config["evaluation"]["split"] for config in configs} == {"valid"}
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("results.csv")}

    write_best([tmp_path / "outputs/runs"], tmp_path / "conf/recipe")
    recipe = yaml.safe_load((tmp_path / "conf/recipe/digits_modules.yaml").read_text())
    assert recipe["method"]["backbone_lr"] == chosen and recipe["training"]["epochs"] == 1
    used = modrobust(tmp_path, "method=modules", "--cfg", "job", "--package", "method")
    assert yaml.safe_load(used.out)["backbone_lr"] == chosen

    again = modrobust(tmp_path, *sweep)  # with the recipe in place: the same search, nothing to do
    assert again.code == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("results.csv")} == before


@pytest.mark.parametrize("kind", ["grid", "tpe"])
def test_trials_of_other_data_are_not_built_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    if kind == "tpe":
        pytest.importorskip("optuna")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    images = [tmp_path / f"photos/{'ab'[i % 2]}/{i}.bmp" for i in range(8)]
    for i, image in enumerate(images):
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (20 * i, 0, 200)).save(image)
    own = ("dataset=image_folder", "dataset.image_size=8", "model.widths=[2,2,2,2]", "model.hidden=4", *TINY[3:])
    few = () if kind == "grid" else ("search.trials=1", "search.workers=1")
    of_lr = "search.steps.classifier.values.method.lr="
    sweep = ("-m", f"search={kind}", *own, *few, "search/steps=cross_entropy", f"{of_lr}[0.1,0.2]")
    assert modrobust(tmp_path, *sweep).code == 0
    before = trials(tmp_path)
    os.utime(images[0], ns=(5, 5))
    assert modrobust(tmp_path, *sweep).code == 0  # the same, at another time
    Image.new("RGB", (8, 8), (250, 9, 9)).save(images[0])
    os.utime(images[0], ns=(6, 6))
    other = modrobust(tmp_path, *sweep)
    assert other.code == 1 and "holds results of other data than is there now" in " ".join(other.err.split())
    pd.testing.assert_frame_equal(trials(tmp_path), before)
    if kind == "tpe":
        warm = modrobust(tmp_path, *sweep[:-1], f"{of_lr}[0.1,0.3]", "search.warm_start=true")
        assert warm.code == 0 and "warm start: 0 finished runs are trials now; 0 lie outside" in warm.out + warm.err


def test_a_trial_that_diverges_is_kept_as_failed_and_is_not_repeated(tmp_path: Path) -> None:
    grid = "search.steps.classifier.values.method.lr=[1e30,0.1]"
    sweep = ("-m", "search=grid", *TINY, "training.epochs=3", "search/steps=cross_entropy", grid, "search.seed=[4,7]")
    ended = modrobust(tmp_path, *sweep)
    assert ended.code == 0, ended.err
    table = trials(tmp_path)
    assert dict(zip(table["method.lr"], table["state"], strict=True)) == {0.1: "done", 1e30: "diverged"}
    assert len(table["seeds"][0].split()) == 2 and pd.isna(table["seeds"][1])
    assert modrobust(tmp_path, *sweep).code == 0
    runs = list(tmp_path.glob("outputs/runs/digits/*/seed*"))
    attempts = {run.name[:6]: json.loads((run / "status.json").read_text())["attempt"] for run in runs}
    assert len(runs) == 4 and attempts == {"seed4-": 1, "seed7-": 1}


def test_no_trial_that_ends_well(tmp_path: Path) -> None:
    grid = "search.steps.classifier.values.method.lr=[1e30]"
    ended = modrobust(tmp_path, "-m", "search=grid", *TINY, "training.epochs=3", "search/steps=cross_entropy", grid)
    assert ended.code == 1 and "all 1 trials of step classifier diverged" in " ".join(ended.err.split())


def test_comma_lists_are_several_searches_and_a_presets_seeds_are_not_searched(tmp_path: Path) -> None:
    sweep = (
        "-m",
        "search=grid",
        "experiment=digits",
        "method=cross_entropy",
        "model.widths=[4,4,4,4],[4,4,4,8]",
        *TINY,
    )
    ended = modrobust(tmp_path, *sweep)
    assert ended.code == 0, ended.err
    assert ended.out.count("step classifier: the best of 4 trials") == 2
    assert len(list(tmp_path.rglob("results.csv"))) == 8


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("search=grid",), "search=grid is a sweep of many runs: modrobust -m search=grid"),
        (("-m", "search=gird"), "Did you mean 'grid'"),
        (("-m", "search=tpe", "search.trials=0"), "search.trials=0: a whole number of at least 1"),
        (("-m", "search=grid", "search/steps=module"), "Did you mean 'modules'"),
        (("-m", "search=grid", "search.steps.modules.score=accuracy"), "search/steps=<method>, such as search/steps="),
        (("-m", "search=grid", "search/pruner=median"), "search/pruner: only search=tpe has it"),
        (("-m", "search=tpe", "search/pruner=medain"), "Did you mean 'median'"),
        (("-m", "search=tpe", "search.pruner=median"), "chosen by search/pruner=median"),
        (("-m", "search=tpe", *NO_SCALE), "a logarithmic scale, which has no 0; leave it out"),
        (("-m", "search=grid", "paths.data=/nowhere", "dataset=mnist"), "/nowhere"),
    ],
)
def test_bad_input(tmp_path: Path, overrides: tuple[str, ...], message: str) -> None:
    ended = modrobust(tmp_path, *overrides)
    assert ended.code == 1 and message in ended.err + ended.out
    assert "Traceback" not in ended.err


ONE = "search.steps.classifier"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("seed=7",), "seed=7: the trials of a search have a seed of their own: search.seed=7."),
        (("seed=0,1",), "search.seed=[0,1]."),
        (("search.seed=[1,1]",), "search.seed=[1,1]: a whole number of at least 0, or a list of different ones"),
        (("search.kind=tpe",), "search.kind=tpe: the kind of a search is chosen by search=grid or search=tpe"),
        (("search.kind=foo",), "grid or tpe"),
        (("search.worker=0",), "the search itself sets this"),
        (("method.lr=0.1",), f"this key is searched; the values that are tried are '{ONE}.values.method.lr=[...]'."),
        (("evaluation.split=test",), "the trials of a search have evaluation.split=valid."),
        (("device=cpu,auto",), "are the same search."),
        ((f"+{ONE}.values.method.wieght=[1]",), "There is no key 'method.wieght'."),
        ((f"+{ONE}.values.training.optimizer=[sgd,adam]",), "options of a group are not searched"),
        ((f"{ONE}.values.method.lr=[0.1,1e-1]",), "0.1 is there twice."),
        ((f"{ONE}.overrides=['evaluation.max_length=1']",), "evaluation.split=valid is needed; it is test."),
        ((f"{ONE}.overrides=['evaluation.split=valid']",), "evaluation.max_length=1 or 0 is needed"),
        ((f"{ONE}.overrides=['evaluate=false']",), "the trials have evaluate=false"),
        ((f"{ONE}.corruptions=[1]", "corruption=none"), "the trials are tested on [0]."),
        (("hydra/launcher=local", "hydra.launcher.processes=0"), "hydra.launcher.processes=0"),
    ],
)
def test_what_no_trial_would_listen_to_is_refused_and_nothing_is_left(
    tmp_path: Path, overrides: tuple[str, ...], message: str
) -> None:
    ended = modrobust(tmp_path, "-m", "search=grid", "search/steps=cross_entropy", *overrides)
    assert ended.code == 1 and message in ended.err and "Traceback" not in ended.err
    assert not list(tmp_path.rglob("search-*"))


def test_tpe_goes_on_with_more_trials_and_keeps_failed_ones(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    values = "search.steps.network.values.method.lr.dense=[1e-3,1e30]"  # in the upper half it diverges
    sweep = ("-m", "search=tpe", "dataset=boolean", "training.epochs=2", "search/steps=supervised", values)
    first = modrobust(tmp_path, *sweep, "search.trials=3")
    assert first.code == 0, first.err
    three = trials(tmp_path)
    assert len(three) == 3
    assert modrobust(tmp_path, *sweep, "search.trials=5").code == 0
    five = trials(tmp_path)
    assert len(five) == 5 and set(three["run"]) < set(five["run"])
    assert set(five["state"]) <= {"done", "diverged"}


def test_a_killed_worker_of_tpe_goes_on_with_its_trial(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    sweep = ("-m", "search=tpe", "dataset=boolean", "training.epochs=400", "search.trials=3", "search.workers=2")
    command = [sys.executable, "-m", "modrobust", *sweep, "hydra/launcher=local", "hydra.launcher.processes=2"]
    launcher = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("outputs/parts/boolean/*/.lock")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(launcher.pid, signal.SIGKILL)
    launcher.wait()
    ended = None
    while (ended is None or "the best of 3" not in ended.stdout) and time.monotonic() < deadline + 60:  # may be dying
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert ended and ended.returncode == 0, ended
    table = trials(tmp_path)
    assert len(table) == 3 and set(table["state"]) == {"done"}
    assert len(list(tmp_path.glob("outputs/runs/boolean/*/seed*"))) == 3, "no trial was begun and left"
