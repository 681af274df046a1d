"""Which settings differ between runs."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from modrobust.report.read.settings import configurations, differing, overrides

BASE = {
    **{"seed": 0, "replicas": 1, "threads": 1, "training.epochs": 10, "training.optimizer._target_": "Adam"},
    **{"dataset.name": "boolean", "dataset.graph": [6, 2], "dataset.split_seed": 40},
    **{"method.name": "supervised", "method.loss": "bce", "model.name": "mlp", "model._target_": "Mlp"},
}
ALWAYS = {"dataset.name": "boolean", "model.name": "mlp"}


def settings(folder: Path, *changes: dict[str, Any]) -> list[dict[str, Any]]:
    """What `differing` shows of runs that change BASE."""
    runs = [folder / str(i) for i in range(len(changes))]
    for run, change in zip(runs, changes, strict=True):
        run.mkdir()
        config = OmegaConf.create()
        for key, value in {**BASE, **change}.items():
            OmegaConf.update(config, key, value)
        OmegaConf.save(config, run / "config.yaml")
    found = differing(configurations(runs))
    assert list(found) == runs
    return list(found.values())


def test_names_are_always_shown_and_seeds_and_speed_never(tmp_path: Path) -> None:
    same = {"seed": 1, "replicas": 5, "threads": 2, "device": "cpu", "evaluation.max_length": 1}
    assert settings(tmp_path, {}, same) == [ALWAYS, ALWAYS]


def test_keys_that_differ_with_lists_as_text(tmp_path: Path) -> None:
    changed = {"dataset.graph": [6, 3, 2], "dataset.split_seed": None}
    assert settings(tmp_path, {}, changed) == [
        {**ALWAYS, "dataset.graph": "[6,2]", "dataset.split_seed": 40},
        {**ALWAYS, "dataset.graph": "[6,3,2]", "dataset.split_seed": None},
    ]


def test_keys_of_another_model_are_no_difference(tmp_path: Path) -> None:
    modular = {"model.name": "modular", "model._target_": "Modular"}
    changes = [{"model.pruning": 0}, {**modular, "model.top_k": 2}, {**modular, "model.top_k": 3}]
    assert settings(tmp_path, *changes) == [
        ALWAYS,
        {**ALWAYS, "model.name": "modular", "model.top_k": 2},
        {**ALWAYS, "model.name": "modular", "model.top_k": 3},
    ]


def test_another_target_is_shown_without_its_keys(tmp_path: Path) -> None:
    other = {"training.optimizer._target_": "SGD", "training.optimizer.momentum": 0.9}
    key = "training.optimizer._target_"
    assert settings(tmp_path, {}, other) == [{**ALWAYS, key: "Adam"}, {**ALWAYS, key: "SGD"}]


def test_another_method_is_shown_without_its_keys(tmp_path: Path) -> None:
    other = {"method.name": "mine", "method.loss": "mse"}
    assert [found["method.name"] for found in settings(tmp_path, {}, other)] == ["supervised", "mine"]


def test_what_only_differs_between_datasets_is_told_by_their_name(tmp_path: Path) -> None:
    pairs = {"dataset.name": "digit_pairs", "training.epochs": 5}
    assert settings(tmp_path, {}, pairs) == [ALWAYS, {**ALWAYS, "dataset.name": "digit_pairs"}]


def test_overrides_tell_runs_of_one_method_apart_and_not_methods(tmp_path: Path) -> None:
    other = {"method.name": "mine", "training.epochs": 5}
    changes = [{"training.epochs": 3, "dataset.split_seed": None}, {"seed": 1}, other]
    settings(tmp_path, *changes)
    found = overrides(configurations(tmp_path / str(i) for i in range(3)))
    assert list(found.values()) == [
        "training.epochs=3 dataset.split_seed=null",
        "training.epochs=10 dataset.split_seed=40",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "cannot be read"),
        ("dataset: {name: x}", "has no model.name"),
        ("dataset:\n  name: x\nmodel:\n  na", "cannot be read"),
        ("", "has no dataset.name and no model.name"),
        ("\udcff", "cannot be read"),
    ],
)
def test_damaged_configurations_are_named_and_not_known(
    tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_bytes(text.encode(errors="surrogateescape"))
    assert configurations([tmp_path]) == {}
    told = capsys.readouterr().err
    assert told.startswith(f"modrobust-report: {tmp_path}/config.yaml ") and message in told and told.count("\n") == 1


def test_a_configuration_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert configurations([tmp_path]) == {} and capsys.readouterr().err == ""


def test_a_run_from_before_a_key_was_there_is_like_one_that_asks_for_nothing_new(tmp_path: Path) -> None:
    router = {"method.router.lengths": [0, 1]}
    told, inferred = {"method.routing": "told", **router}, {"method.routing": "inferred", **router}
    (tmp_path / "two").mkdir()
    assert settings(tmp_path / "two", {}, told) == [ALWAYS, ALWAYS]
    (tmp_path / "three").mkdir()
    found = settings(tmp_path / "three", {}, told, inferred, {"method.name": "other"})
    assert found[0] == found[1] == {**ALWAYS, "method.name": "supervised", "method.routing": "told"}
    assert found[2]["method.router.lengths"] == "[0,1]" and "method.routing" not in found[3]
