"""Numbers are numbers however they are written: on the command line, in the table of a `per`, in files, in recipes."""

from pathlib import Path
from typing import Any

import pytest
from composed import composed, configured
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from modrobust.config.check import check
from modrobust.config.identity import run_folder
from modrobust.config.options import CONF
from modrobust.config.typed import same, typed
from modrobust.errors import UserError
from modrobust.search.recipe import in_effect
from modrobust.sweep.plan import plan


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1e-1", 0.1), ("1E-1", 0.1), (".1", 0.1), ("0.10", 0.1), ("1e5", 1e5), ("3", 3), ("true", True)),
        *(("null", None), ("digits", "digits"), ("'1e-1'", "1e-1"), ("12:30", "12:30"), ("on", "on"), ("", "")),
        *(("[1,1e-3]", [1, 1e-3]), ("a(b", "a(b"), ("two words", "two words")),
    ],
)
def test_a_value_is_what_the_command_line_makes_of_it(text: str, value: Any) -> None:
    assert typed(text) == value and type(typed(text)) is type(value)


def test_equal_values_are_the_same_however_written() -> None:
    assert same("1e-1", 0.1) and same(1, "1.0") and same("0.10", "1e-1") and same("digits", "digits")
    assert not same("1", True) and not same("true", 1) and not same("digits", "mnist") and not same("0.1", 0.2)


@pytest.mark.parametrize("given", ["1e-1", "0.1", ".10"])
@pytest.mark.parametrize("tabled", ["1e-1", "0.1", "1E-1"])
def test_a_value_that_goes_with_a_number(given: str, tabled: str) -> None:
    per = f"method.weight_decay.dense=${{per:method.lr.dense,1:0,{tabled}:1e-3}}"
    cfg = configured("dataset=boolean", f"method.lr.dense={given}", per)
    assert cfg.method.weight_decay.dense == 1e-3
    check(cfg, ())
    plain = composed("dataset=boolean", "method.lr.dense=0.1", "method.weight_decay.dense=0.001")
    assert run_folder(cfg) == run_folder(plain)


def test_a_value_that_goes_with_a_number_in_a_sweep(tmp_path: Path) -> None:
    per = "method.weight=${per:method.lr,1e-1:1e-2,5e-2:1e-1}"
    jobs = [["method=contrastive", f"method.lr={lr}", per] for lr in ("0.1", "5e-2")]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        planned = plan(jobs, lambda texts: compose("config", overrides=texts, return_hydra_config=True), tmp_path)
    alone = [
        composed("method=contrastive", f"method.lr={a}", f"method.weight={b}") for a, b in ((0.1, 0.01), (0.05, 0.1))
    ]
    assert [run.folder for run in planned] == [tmp_path / run_folder(cfg) for cfg in alone]


def test_a_value_that_goes_with_none() -> None:
    cfg = configured("method.lr=${per:dataset.name,mnist:1e-1}")
    with pytest.raises(Exception, match=r"dataset\.name is digits, and there are values for mnist"):
        check(cfg, ())


def test_numbers_in_files_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "method/mine.yaml": "defaults: [contrastive]\nlr: 1e-3\nweight: ${per:method.lr,1e-3:2e-1}\n",
        "recipe/digits_contrastive.yaml": "# @package _global_\nmethod: {lr: 5e-3, weight: 1E-1}\n",
        "search/steps/mine.yaml": "one:\n  values: {method: {lr: [1e-1, 1e-2]}}\n  overrides: []\n  score: accuracy\n",
    }.items():
        file = tmp_path / "conf" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.chdir(tmp_path)
    anew = composed.__wrapped__
    mine = anew("method=mine")
    assert (mine.method.lr, mine.method.weight) == (1e-3, 0.2)
    assert anew("method=contrastive").method.lr == 5e-3
    assert anew("search=tpe", "search/steps=mine").search.steps.one["values"].method.lr == [0.1, 0.01]
    recipe = in_effect("digits_contrastive", ["method.temperature=1e-1", "training.epochs=3"])
    assert recipe == {"method.lr": 5e-3, "method.weight": 0.1, "method.temperature": 0.1, "training.epochs": 3}


def test_a_number_in_quotes_is_named_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = composed().copy()
    monkeypatch.setenv("LR", "1e-3")
    for value in ("1e-3", "${oc.env:LR}"):
        OmegaConf.update(cfg, "method.lr", value)
        with pytest.raises(UserError) as refused:
            check(cfg, ())
        assert str(refused.value) == (
            "method.lr=1e-3: a number of at least 0 is needed. It is text now: leave out its quotes; from a variable, "
            "write ${oc.decode:${oc.env:NAME}}."
        )
    OmegaConf.update(cfg, "method.lr", "${oc.decode:${oc.env:LR}}")
    check(cfg, ())
