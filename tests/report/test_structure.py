"""The tables and figures of structured data: means, intervals, epochs, files, refusals."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_bits import CURVE, write_run
from omegaconf import OmegaConf

from modrobust.errors import UserError
from modrobust.report.__main__ import report
from modrobust.report.read.bits import epochs_to, read_bits
from modrobust.report.read.facts import collect
from modrobust.report.read.groups import Group, groups
from modrobust.report.tables.formats import markdown
from modrobust.report.tables.structure import long, structure_table

T_95 = {3: 4.30265}  # quantile .975 of Student's t with n - 1 degrees of freedom


def pooled(*folders: Path) -> list[Group]:
    return groups(read_bits(folders)[0], collect(folders, []))


def text(some: list[Group]) -> str:
    return markdown(structure_table(some, {}).sections)


def write_images(folder: Path) -> None:
    folder.mkdir(parents=True)
    row = {"dataset": "digits", "method": "erm", "variant": "default", "model": "cnn", "seed": 0, "split": "test"}
    pd.DataFrame(
        [{**row, "composition": "Identity", "n_corruptions": 0, "n_images": 9, "loss": 0.5, "accuracy": 90.0}]
    ).to_csv(folder / "results.csv", index=False)


def test_seeds_are_pooled_over_runs_with_t_interval(tmp_path: Path) -> None:
    write_run(tmp_path / "a", (0, 1), CURVE[:, :2])
    write_run(tmp_path / "b", (2,), CURVE[:, 2:])
    (group,) = pooled(tmp_path / "a", tmp_path / "b")
    table = long([group]).set_index("measure")
    assert group.n == 3
    assert table.loc["accuracy_test", "value"] == pytest.approx(90)
    assert table.loc["accuracy_test", "interval"] == pytest.approx(T_95[3] * 10 / 3**0.5, rel=1e-4)
    assert table.loc["epochs_to_95", ["value", "n", "seeds"]].tolist() == [2.5, 2, 3]  # epochs 2 and 3; one never
    assert table.loc["epochs_to_100", ["value", "n", "seeds"]].tolist() == [3.5, 2, 3]
    line = "| mlp | 3 | 90 | 90.0 ± 24.8 | 90.0 ± 24.8 | 2.5 (2 of 3) | 3.5 (2 of 3) |"
    assert line in text([group])


def test_epochs_to_reach_a_level() -> None:
    curve = 100 * np.float32([[0.95, 0.2], [0.9, 0.9499]])
    np.testing.assert_array_equal(epochs_to(curve, 95), [1, np.nan])


def test_settings_make_groups_and_missing_cells_are_named(tmp_path: Path) -> None:
    write_run(tmp_path / "a", fraction=0.75)
    write_run(tmp_path / "b", fraction=0.5)
    write_run(tmp_path / "c", fraction=0.5, model="modular", curve=np.full((2, 3), 0.5), found=True)
    some = pooled(*(tmp_path / name for name in "abc"))
    assert [(g.settings["model.name"], g.settings["dataset.train_fraction"]) for g in some] == [
        *(("mlp", 0.5), ("mlp", 0.75), ("modular", 0.5))
    ]
    lines = text(some).splitlines()
    assert lines[-3].startswith("| mlp | 0.5 | 3 | 90 |") and lines[-3].endswith("| missing | missing |")
    assert "| never (0 of 3) | never (0 of 3) | 60.0 ± 24.8 | 25.0 ± 0.0 |" in lines[-1]


def test_of_pairs_the_unseen_test_counts_and_they_have_a_table_of_their_own(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", dataset="digit_pairs", splits=("test_seen", "test_unseen"))
    some = pooled(tmp_path / "a", tmp_path / "b")
    assert some[1].final().tolist() == pytest.approx([90, 80, 100])
    one, other = text(some).split("\n\nAccuracy (%) on digit_pairs")
    assert "| test seen | test unseen |" in other and "seen" not in one


def test_long_table_has_numbers_only_beside_settings(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "a")
    write_run(tmp_path / "runs" / "b", model="modular", curve=np.full((2, 3), 0.5), found=True, fraction=0.25)
    long(pooled(tmp_path / "runs" / "a", tmp_path / "runs" / "b")).to_csv(tmp_path / "long.csv", index=False)
    table = pd.read_csv(tmp_path / "long.csv")
    numbers = ["value", "interval", "n", "seeds"]
    assert table.columns.tolist() == ["dataset.name", "model.name", "dataset.train_fraction", "measure", *numbers]
    assert all(pd.api.types.is_numeric_dtype(table[column]) for column in numbers)
    never = table[(table["model.name"] == "modular") & (table["measure"] == "epochs_to_95")].iloc[0]
    assert np.isnan(never["value"]) and never["n"] == 0


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    write_run(tmp_path / "a", (7,), CURVE[:, :1])
    assert "| mlp | 1 | 90 | 90.0 | 90.0 | 2 (1 of 1) | 3 (1 of 1) |" in text(pooled(tmp_path / "a"))


def test_seeds_that_two_runs_have_count_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", (2, 3), CURVE[:, [2, 0]])
    (group,) = pooled(tmp_path / "a", tmp_path / "b")
    assert group.n == 4 and list(group.seeds.values()) == [[0, 1, 2], [3]]
    np.testing.assert_allclose(group.measures["accuracy_test"], 100 * CURVE[-1, [0, 1, 2, 0]], rtol=1e-6)
    assert capsys.readouterr().err == ""


def test_seeds_that_two_runs_found_differently_are_told_apart_by_what_is_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", (2, 3), CURVE[:, :2])
    for name, threads in (("a", 1), ("b", 4)):
        with (tmp_path / name / "config.yaml").open("a") as file:
            file.write(f"threads: {threads}\n")
    one, other = pooled(tmp_path / "a", tmp_path / "b")
    assert (one.settings["threads"], one.n, other.settings["threads"], other.n) == ("1", 3, "4", 2)
    assert f"for they differ in threads: they stand in lines of their own. {tmp_path}/a" in capsys.readouterr().err
    (only,) = groups(read_bits([tmp_path / "b"])[0], collect([tmp_path / "a", tmp_path / "b"], [], ["threads=4"]))
    assert "threads" not in only.settings and only.n == 2


def test_where_nothing_tells_them_apart_the_first_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", (2, 3), CURVE[:, :2])
    (group,) = pooled(tmp_path / "a", tmp_path / "b")
    assert list(group.seeds.values()) == [[0, 1, 2], [3]]
    assert "nothing that is recorded tells them apart: the first counts" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["curves.npz", "results.csv", "found.csv", "parameters.csv"])
@pytest.mark.parametrize("content", [b"", b"PK", b"seed,inputs\n0,x\n"])
def test_a_run_with_a_damaged_file_is_named_and_left_out(tmp_path: Path, name: str, content: bytes) -> None:
    write_run(tmp_path / "a", found=True)
    write_run(tmp_path / "b", found=True)
    (tmp_path / "a" / name).write_bytes(content)
    found, unread = read_bits([tmp_path / "a", tmp_path / "b"])
    assert list(found) == [tmp_path / "b"] and list(unread) == [tmp_path / "a"]
    assert name in unread[tmp_path / "a"] and "\n" not in unread[tmp_path / "a"]


def test_many_runs_are_parsed_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parse, calls = pd.read_csv, []

    def counted(*args: Any, **options: Any) -> pd.DataFrame:
        calls.append(args)
        return parse(*args, **options)

    monkeypatch.setattr(pd, "read_csv", counted)
    folders = [write_run(tmp_path / str(seed), (seed,), CURVE[:, :1], found=True) for seed in range(9)]
    found, unread = read_bits(folders)
    assert len(found) == 9 and unread == {} and len(calls) == 1


def test_a_run_whose_curves_are_lost_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", (3,), CURVE[:, :1])
    (tmp_path / "b" / "curves.npz").unlink()
    report([tmp_path])
    told = capsys.readouterr()
    assert "| mlp | 3 |" in told.out and told.out.count("| mlp") == 1
    assert f"left out: {tmp_path}/b: curves.npz is damaged." in told.err
    assert f"Not counted, damaged or the same as others: {tmp_path}/b." in told.out


def test_a_run_without_configuration_stands_in_a_line_of_its_own(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b")
    (tmp_path / "b" / "config.yaml").unlink()
    one, other = pooled(tmp_path / "a", tmp_path / "b")
    assert {**one.settings, **other.settings}["config.yaml"] == "unknown" and one.n == other.n == 3


def test_both_kinds_are_shown_and_written_and_the_same_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path / "runs" / "digits")
    write_run(tmp_path / "runs" / "a")
    write_run(tmp_path / "runs" / "b", fraction=0.75, curve=np.tile(CURVE, (40, 1)))  # more than 100 epochs
    (tmp_path / "runs" / "c").mkdir()
    config = {"seed": 1, "dataset": {"name": "boolean"}, "method": {"name": "supervised"}, "model": {"name": "mlp"}}
    OmegaConf.save(OmegaConf.create(config), tmp_path / "runs" / "c" / "config.yaml")
    for out in ("one", "two"):
        report([tmp_path / "runs", tmp_path / "runs" / "a"], tmp_path / out)
    printed = capsys.readouterr()
    assert "| erm (cnn) | 1 | 90.0 |" in printed.out and "| mlp | 0.75 | 3 |" in printed.out
    assert printed.err.splitlines()[1] == "modrobust-report: without results: boolean supervised (mlp), seed 1: missing"
    tables = ("table", "compositions", "structure")
    names = [f"{table}.{kind}" for table in tables for kind in ("md", "csv", "tex")]
    names += [f"{figure}.{kind}" for figure in ("curves", "dataset.train_fraction") for kind in ("pdf", "png")]
    assert {str(tmp_path / "two" / name) for name in names} <= set(printed.out.split())
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(("name", "message"), [("none", "is not a folder"), ("empty", "holds no run")])
def test_folders_without_results(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        report([tmp_path / name])


def test_the_command_imports_no_torch_and_nothing_slow_for_its_help(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "a")
    code = (
        "import sys; from modrobust.report import __main__ as room; from pathlib import Path\n"
        "assert not {'pandas', 'matplotlib', 'numpy', 'torch'} & set(sys.modules)\n"
        "room.MANY = 1  # so that another process draws\n"
        "room.report([Path('runs')], Path('out')); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=100)
    assert (tmp_path / "out" / "curves.png").stat().st_size > 0
