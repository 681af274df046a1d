"""What stands under tables, and which runs they still lack."""

import json
from pathlib import Path

import pytest
from made_runs import made

from modrobust.errors import UserError
from modrobust.report.__main__ import report
from modrobust.report.read.facts import collect
from modrobust.report.read.find import find
from modrobust.report.read.pending import seeds_text
from modrobust.report.tables.images import rows_of
from modrobust.report.tables.notes import notes_of_images

RECIPE = {"method.lr": 0.1, "training.epochs": 15, "training.batch_size": 128}  # conf/recipe/digits_cross_entropy.yaml


def notes(folder: Path, split: str = "test") -> list[str]:
    runs, without = find([folder])
    facts = collect(runs, without)
    return list(notes_of_images(rows_of(runs, facts), facts)["digits", split])


def test_what_was_tested_how_chosen_and_by_which_code(tmp_path: Path) -> None:
    made(tmp_path / "a", {"Identity": 99, "A": 90}, settings=RECIPE)
    made(tmp_path / "b", {"Identity": 99}, 1, settings=RECIPE, git_commit="fedcba9876543210", git_dirty=True)
    assert notes(tmp_path) == [
        "Tested on 50 images of the split test, 2 compositions; seeds 0-1.",
        "Weights: lowest validation loss. Hyper-parameters: conf/recipe, where each file's head tells the selection: "
        "digits_cross_entropy.",
        "Code: commit 0123456789 (1 run), commit fedcba9876 with uncommitted changes (1 run).",
    ]


def test_a_recipe_that_builds_on_another_has_its_values(tmp_path: Path) -> None:
    settings = {**RECIPE, "method.name": "pairs", "method.lengths": [0, 1, 2], "training.epochs": 3}
    made(tmp_path / "a", {"A-B": 90}, settings=settings)
    assert notes(tmp_path)[1].endswith("selection: digits_pairs.")
    made(tmp_path / "b", {"A-B": 90}, 1, settings={**settings, "method.lr": 1})
    assert notes(tmp_path)[1].endswith("selection: digits_pairs with other method.lr.")


def test_which_compositions_were_trained_on_is_told(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A-B": 90}, settings={**RECIPE, "method.name": "pairs", "method.lengths": [0, 1, 2]})
    assert notes(tmp_path)[0] == (
        "Tested on 50 images of the split test, 1 compositions; seed 0. "
        "pairs was trained on all orders of [0,1,2] corruptions."
    )


def test_where_runs_were_made_is_told_where_it_differs(tmp_path: Path) -> None:
    first = {"torch": "2.4.0", "cuda": "12.1", "device_name": "NVIDIA A100", "modrobust": "0.1.0"}
    made(tmp_path / "a", {"A": 90}, **first)
    made(tmp_path / "b", {"A": 90}, 1, **{**first, "torch": "2.5.0"})
    assert notes(tmp_path)[2] == "Code: commit 0123456789; torch 2.4.0 (1 run), 2.5.0 (1 run)."
    made(tmp_path / "c", {"A": 90}, 2, cuda=None, device_name="cpu, a processor", torch="2.5.0")
    assert notes(tmp_path)[2] == (
        "Code: commit 0123456789; torch 2.4.0 (1 run), 2.5.0 (2 runs); CUDA 12.1 (2 runs), not known (1 run); "
        "on NVIDIA A100 (2 runs), cpu, a processor (1 run)."
    )


def test_of_an_installed_package_the_version_is_told(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90}, git_commit=None, modrobust="0.1.0")
    assert notes(tmp_path)[2] == "Code: version 0.1.0."


def test_departures_from_the_recipe_are_told(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90}, settings={**RECIPE, "training.epochs": 2})
    made(tmp_path / "b", {"A": 90}, 1, settings={**RECIPE, "training.epochs": 2, "method.lr": 1})
    assert notes(tmp_path)[1].endswith("digits_cross_entropy with other method.lr, training.epochs=2.")


def test_what_is_not_known_is_told(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90}, method="mine", settings={"method._target_": "my.Method"}, git_commit=None)
    run = made(tmp_path / "b", {"A": 90}, 1, method="mine")
    (run / "config.yaml").unlink()
    (run / "status.json").unlink()
    assert notes(tmp_path)[1:] == [
        "Weights: lowest validation loss (but as my.Method chooses). Hyper-parameters without a recipe: digits_mine. "
        "Hyper-parameters not known: 1 run without config.yaml.",
        "Code: commit not known.",
    ]


def test_imported_weights_are_told(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90}, settings=RECIPE)
    run = made(tmp_path / "b", {"A": 90}, 1, settings=RECIPE)
    (run / "status.json").write_text(json.dumps({"state": "done", "imported": ["classifier"]}))
    assert "loss; but in 1 run classifier imported from checkpoint files. Hyper" in notes(tmp_path)[1]


def test_images_that_chose_the_weights_are_told(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90}, split="valid")
    assert notes(tmp_path, "valid")[0].endswith("seed 0. These images chose the weights, too.")


def test_runs_without_results_are_named_with_seed_and_state(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90})
    for seed in (1, 2, 3, 7):
        made(tmp_path / str(seed), {}, seed, "modules", state="preempted")
    made(tmp_path / "valid", {}, 1, "modules", split="valid", state="failed")  # of another table
    queued = tmp_path / "digits" / "img_space-small_cnn" / "seed5-0123456789"
    queued.mkdir(parents=True)
    (queued / "status.json").write_text('{"state": "preempted"}')
    assert notes(tmp_path)[-1] == (
        "Without results: digits img_space (small_cnn), seed 5: preempted; "
        "digits modules (small_cnn), seeds 1-3, 7: preempted."
    )


def test_the_command_names_them_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "a", {"A": 90})
    made(tmp_path / "b", {}, 1, state="done")
    report([tmp_path])
    told = capsys.readouterr()
    assert told.err == (
        "modrobust-report: without results: digits cross_entropy (small_cnn), seed 1: done, not tested\n"
    )
    assert "| cross_entropy (small_cnn) | 1 of 2 | 90.0 |" in told.out


def test_only_runs_without_results(tmp_path: Path) -> None:
    made(tmp_path / "a", {}, state="failed")
    made(tmp_path / "b", {}, state="failed", seed=1)
    made(tmp_path / "c", {}, state="preempted", seed=2)
    with pytest.raises(UserError, match=r"^no run has results yet: 2 failed, 1 preempted\.$"):
        report([tmp_path])


def test_seeds_in_short() -> None:
    assert seeds_text([3]) == "seed 3"
    assert seeds_text([3, 1, 2, 9]) == "seeds 1-3, 9"
    assert seeds_text(["4", "-"]) == "seeds 4, -"
