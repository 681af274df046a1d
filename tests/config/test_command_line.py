"""Flags among overrides, and what Hydra finds in folders that a command line names."""

import shutil
from pathlib import Path

import pytest

from modrobust.config.command import found, parse
from modrobust.config.options import CONF
from modrobust.errors import UserError


@pytest.fixture
def more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an option of one's own, and a configuration to begin with that has a key more."""
    folder = tmp_path / "more, (new)"
    (folder / "corruption").mkdir(parents=True)
    shutil.copy(CONF / "corruption/six.yaml", folder / "corruption/mine.yaml")
    (folder / "top.yaml").write_text("defaults:\n  - config\n  - _self_\nmine: 3\n")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "--config-name", "a=b", "seed=0,1", "training.epochs=1"),
        ("seed=0,1", "-m", "training.epochs=1", "--config-name", "a=b"),
        ("seed=0,1", "training.epochs=1", "--config-name", "a=b", "-m"),
    ],
)
def test_flags_may_stand_anywhere(arguments: tuple[str, ...]) -> None:
    command = parse(arguments)
    assert command.overrides == ("seed=0,1", "training.epochs=1")
    assert sorted(command.flags) == ["--config-name", "-m", "a=b"] and command.config_name == "a=b"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("seed=1", "--mutirun"), "there is no flag --mutirun. Did you mean '--multirun'? All flags: "),
        (("--cfg", "seed=1"), "argument --cfg/-c: invalid choice: 'seed=1' (choose from "),
        (("seed=1", "--config-dir"), "argument --config-dir/-cd: expected one argument. "),
    ],
)
def test_a_wrong_flag_is_one_line(arguments: tuple[str, ...], line: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(arguments)
    assert str(refused.value).startswith(line) and "\n" not in str(refused.value)


def test_options_are_those_that_hydra_finds(more: Path) -> None:
    assert "mine" not in found(["seed=1"]).options("corruption")
    assert found(["seed=1"]).options("no_such_group") == ()
    for arguments in (["--config-dir", str(more)], ["seed=1", f"hydra.searchpath=['file://{more}']"]):
        assert {"mine", "six"} <= set(found(arguments).options("corruption"))
        assert "modules" in found(arguments).options("search/steps")


def test_a_configuration_to_begin_with_brings_its_keys(more: Path) -> None:
    cfg = found(["--config-dir", str(more), "--config-name", "top"]).compose(["corruption=mine", "seed=4"])
    assert (cfg.mine, cfg.seed, cfg.corruption.seed) == (3, 4, found([]).compose([]).corruption.seed)
    assert "hydra" not in cfg
