"""What trials reached, what is chosen of them, and the recipe that is written."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from modrobust.errors import UserError
from modrobust.report.figures.searches import write_search
from modrobust.search.recipe import write_recipe
from modrobust.search.record import Record
from modrobust.search.show import show, write_best
from modrobust.search.steps import Step
from modrobust.search.trial import trial

FIRST = Step("backbone", {"method.backbone_lr": [1, 0.1]}, [], "accuracy", [0])
SECOND = Step("modules", {"method.lr": [1, 0.1]}, [], "accuracy", [1])
COMMAND = "modrobust -m search=grid"
ABOUT = {"dataset": "digits", "method": "modules", "seed": 1, "git_commit": "ab"}


def run(folder: Path, clean: float, single: float, split: str = "valid", n: int = 1) -> Path:
    """A finished run with one clean accuracy and one under a corruption."""
    folder.mkdir(parents=True)
    rows = {"split": split, "n_corruptions": [0, n], "accuracy": [clean, single]}
    pd.DataFrame(rows).to_csv(folder / "results.csv", index=False)
    (folder / "status.json").write_text('{"state": "done"}')
    (folder / "config.yaml").touch()
    return folder


@pytest.fixture
def record(tmp_path: Path) -> Record:
    record = Record.at(tmp_path / "runs/digits/modules-cnn/search-0")
    recipe = {"method.lr": 0.5, "training.epochs": 7}
    record.begin({**ABOUT, "recipe": recipe}, COMMAND, [FIRST, SECOND])
    return record


def test_accuracy_is_the_mean_over_so_many_corruptions(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", 90, 70)
    assert [trial({}, [folder], "accuracy", which).score for which in ([0], [1], [0, 1])] == [90, 70, 80]


@pytest.mark.parametrize(("split", "n"), [("test", 1), ("valid", 2)])
def test_a_run_that_saw_more_is_no_trial(tmp_path: Path, split: str, n: int) -> None:
    with pytest.raises(UserError, match="not a trial"):
        trial({}, [run(tmp_path / "run", 90, 70, split, n)], "accuracy", [0])


def test_valid_loss_is_the_mean_of_each_parts_best(tmp_path: Path) -> None:
    losses = {"a": [3.0, 1.0, 2.0], "b": [5.0, 4.0]}
    lines = [json.dumps({"part": part, "valid_loss": loss}) for part, some in losses.items() for loss in some]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    (tmp_path / "status.json").write_text('{"state": "done"}')
    (tmp_path / "config.yaml").touch()
    assert trial({}, [tmp_path], "valid_loss", []).score == 2.5


def test_the_best_of_step_one_decides_which_trials_of_step_two_count(record: Record) -> None:
    runs = record.runs
    record.add("backbone", [({"method.backbone_lr": 1}, [run(runs / "a", 50, 0)])])
    assert record.fixed("modules") == {"method.backbone_lr": 1}
    record.add("modules", [({"method.lr": 1}, [run(runs / "b", 0, 60)])])
    record.add("backbone", [({"method.backbone_lr": 0.1}, [run(runs / "c", 70, 0)])])  # better: more trials were asked
    assert record.fixed("modules") == {"method.backbone_lr": 0.1} and record.tried("modules") == []
    record.add("modules", [({"method.lr": 0.1}, [run(runs / "d", 0, 40)])])
    best = record.best("modules")
    assert best and (best.values, best.score) == ({"method.lr": 0.1}, 40)


def test_the_recipe_has_what_was_chosen_and_says_how(record: Record, tmp_path: Path) -> None:
    runs = record.runs
    diverged = runs / "diverged"
    diverged.mkdir(parents=True)
    (diverged / "status.json").write_text('{"state": "failed", "diverged": true}')
    tried = [({"method.backbone_lr": 1}, [diverged]), ({"method.backbone_lr": 0.1}, [run(runs / "a", 50, 0)])]
    record.add("backbone", tried)
    record.add("backbone", tried)  # the same command again
    with pytest.raises(UserError, match="step modules: no trial is done"):
        write_recipe(record, tmp_path / "recipe")
    record.add("modules", [({"method.lr": 1}, [runs / "queued"]), ({"method.lr": 0.1}, [run(runs / "b", 0, 40)])])
    with pytest.raises(UserError, match="step modules: 1 of 2 trials are not done"):
        write_recipe(record, tmp_path / "recipe")
    run(runs / "queued", 0, 30)
    path = write_recipe(record, tmp_path / "recipe")
    text = path.read_text()
    assert path.name == "digits_modules.yaml" and text.startswith("# @package _global_\n")
    assert yaml.safe_load(text) == {"method": {"lr": 0.1, "backbone_lr": 0.1}, "training": {"epochs": 7}}
    assert "no composition was looked at" in text and "seed 1" in text and "commit ab" in text
    assert "# Step backbone: 2 configurations tried, 1 of them diverged.\n" in text
    assert "# The best had the mean accuracy (%) over the elemental corruptions 40.\n" in text


def test_an_older_recipe_is_kept(record: Record, tmp_path: Path) -> None:
    record.add("backbone", [({"method.backbone_lr": 1}, [run(record.runs / "a", 50, 0)])])
    record.add("modules", [({"method.lr": 1}, [run(record.runs / "b", 0, 60)])])
    path = tmp_path / "digits_modules.yaml"
    for number in (1, 2):
        path.write_text(f"old {number}")
        assert write_recipe(record, tmp_path) == path
        assert path.with_suffix(f".yaml.{number}").read_text() == f"old {number}"
    write_recipe(record, tmp_path)  # equal content: nothing to keep
    assert not path.with_suffix(".yaml.3").exists()


def put(folder: Path, state: str, **more: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps({"state": state, **more}))
    return folder


def test_trials_are_listed_from_the_first_on(record: Record) -> None:
    show(record)
    record.add("backbone", [({"method.backbone_lr": 1}, [record.runs / "a"])])
    table = pd.read_csv(record.folder / "trials.csv")
    assert table[["step", "state", "chosen"]].values.tolist() == [["backbone", "missing", False]]


def test_best_before_any_score_and_where_all_diverged(
    record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="no trial is done"):
        write_best([record.folder], tmp_path)
    assert "digits modules, step backbone: no trial yet" in capsys.readouterr().out
    queued = put(record.runs / "digits/a", "queued")
    record.add("backbone", [({"method.backbone_lr": 1}, [queued])])
    with pytest.raises(UserError, match="1 of 1 trials are not done"):
        write_best([record.folder], tmp_path)
    assert "lost" in capsys.readouterr().out, "as --status says, for nothing tells that it still waits"
    (queued / "status.json").write_text('{"state": "failed", "diverged": true, "error": "its loss is nan"}')
    with pytest.raises(UserError, match="none of 1 trials ended well: its loss is nan"):
        write_best([record.folder], tmp_path)
    assert "diverged: method.backbone_lr=1: its loss is nan" in capsys.readouterr().out


def test_ties_are_named(record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some = [({"method.backbone_lr": lr}, [run(record.runs / f"{lr}", 50, 0)]) for lr in (1, 0.1)]
    record.add("backbone", some)
    record.add("modules", [({"method.lr": 1}, [run(record.runs / "b", 0, 60)])])
    write_best([record.folder], tmp_path)
    assert "2 trials are equally good; the first one that was tried is chosen" in capsys.readouterr().out
    assert "# So had, tried later: method.backbone_lr=0.1.\n" in (tmp_path / "digits_modules.yaml").read_text()


def test_the_newest_search_is_meant_and_others_are_named(
    record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = Step("backbone", FIRST.values, [], "accuracy", [0])
    newer, refused = (Record.at(record.folder.with_name(f"search-{name}")) for name in "12")
    for lr, search in ((1, record), (0.1, newer), (None, refused)):
        search.begin({**ABOUT, "recipe": {}}, COMMAND, [one])
        if lr:
            search.add("backbone", [({"method.backbone_lr": lr}, [run(record.runs / f"{lr}", 50, 0)])])
    write_best([record.runs], tmp_path)
    assert yaml.safe_load((tmp_path / "digits_modules.yaml").read_text()) == {"method": {"backbone_lr": 0.1}}
    said = capsys.readouterr().out
    assert f"not the newest search of modules on digits, name its folder to use it: {record.folder}" in said
    write_best([record.folder], tmp_path)
    assert yaml.safe_load((tmp_path / "digits_modules.yaml").read_text()) == {"method": {"backbone_lr": 1}}


def test_all_commands_that_worked_on_a_search_are_known(record: Record) -> None:
    record.begin({**ABOUT, "recipe": {}}, f"{COMMAND} search.trials=40", [FIRST, SECOND])
    record.begin({**ABOUT, "recipe": {}}, f"{COMMAND} search.trials=40", [FIRST, SECOND])
    assert record.commands == [COMMAND, f"{COMMAND} search.trials=40"]


def test_a_search_of_an_older_version_is_read(record: Record, tmp_path: Path) -> None:
    trials = [{"values": {"method.lr": 1}, "fixed": {}, "run": run(record.runs / "b", 60, 60).name}]
    steps = {"one": {"score": "accuracy", "corruptions": [0], "trials": trials}}
    old = {**ABOUT, "command": COMMAND, "recipe": {}, "steps": steps}
    (record.folder / "search.json").write_text(json.dumps(old))
    write_best([record.folder], tmp_path)
    assert f"# {COMMAND}\n" in (tmp_path / "digits_modules.yaml").read_text()


def test_a_search_has_pictures_in_its_folder_or_in_a_reports(record: Record, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    steps = [Step("modules", {"method.lr": [1, 0.1, 0.01], "model.hidden": [None, [8]]}, [], "accuracy", [1])]
    record.begin({**ABOUT, "recipe": {}}, COMMAND, steps)
    for i, values in enumerate(steps[0].grid()):
        record.add("modules", [(values, [run(record.runs / f"{i}", 0, 50 + i**2)])])
    put(record.runs / "pruned", "pruned", error="3 in validation")
    record.add("modules", [({"method.lr": 0.5, "model.hidden": None}, [record.runs / "pruned"])])
    names = [f"modules_{name}.{kind}" for name in ("history", "coordinates", "importance") for kind in ("pdf", "png")]
    paths = [*write_search(record, tmp_path, "of_")]
    assert [path.name for path in paths] == [f"of_{name}" for name in names] and {p.parent for p in paths} == {tmp_path}
    paths = list(write_search(record))
    assert [path.name for path in paths] == names and all(path.stat().st_size > 5000 for path in paths)
