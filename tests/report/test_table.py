"""The table over seeds: means, intervals, lines, what is missing, refusals."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_runs import T_95, made

from modrobust.errors import UserError
from modrobust.report.__main__ import report
from modrobust.report.read.facts import Facts, collect
from modrobust.report.read.find import find
from modrobust.report.tables.formats import Table, latex, markdown
from modrobust.report.tables.images import rows_of
from modrobust.report.tables.main import main_table


def read(*folders: Path) -> tuple[pd.DataFrame, Facts]:
    runs, without = find(folders)
    facts = collect(runs, without)
    return rows_of(runs, facts), facts


def table(*folders: Path, draws: int = 0) -> Table:
    rows, facts = read(*folders)
    return main_table(rows, facts.waiting, {}, draws)


def text(*folders: Path) -> str:
    return markdown(table(*folders).sections)


def test_mean_over_compositions_then_seeds_with_t_interval(tmp_path: Path) -> None:
    for seed, (a, b) in enumerate([(90.0, 80.0), (92.0, 84.0), (94.0, 91.0)]):
        made(tmp_path / f"seed{seed}", {"Identity": 99, "A": a, "B": b}, seed)
    row = table(tmp_path).numbers.set_index("n_corruptions").loc[1]
    by_seed = np.array([85.0, 88.0, 92.5])
    assert row["accuracy"] == pytest.approx(by_seed.mean())
    assert row["interval"] == pytest.approx(T_95[3] * by_seed.std(ddof=1) / 3**0.5, rel=1e-4)
    assert (row["n"], row["compositions"], row["of"]) == (3, 2, 2)
    assert "| cross_entropy (small_cnn) | 3 | 99.0 ± 0.0 | 88.5 ± 9.4 |" in text(tmp_path)


def test_what_cannot_be_told_from_the_best_is_bold(tmp_path: Path) -> None:
    accuracy = {  # of three seeds
        "cross_entropy": (70.0, 80.0, 90.0),
        "contrastive": (69.0, 81.0, 89.5),  # sometimes better, sometimes worse
        "modules": (69.0, 79.1, 89.0),  # always a little worse
        "img_space": (70.0, 80.0),  # two seeds are no test
    }
    for method, seeds in accuracy.items():
        for seed, value in enumerate(seeds):
            made(tmp_path / f"{method}{seed}", {"A": value}, seed, method)
    (section,) = table(tmp_path).sections
    bold = [section.lines[i][0].split()[0] for i, column in sorted(section.bold) if column == 2]
    assert bold == ["cross_entropy", "contrastive"]
    assert "| **80.0 ± 24.8** |" in markdown([section])
    assert r"\textbf{80.0 $\pm$ 24.8}" in latex(Table("table", [section], pd.DataFrame()))
    assert section.notes[0].startswith("Bold: the highest of a column")


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    made(tmp_path / "a", {"Identity": 99, "A": 90})
    assert "| cross_entropy (small_cnn) | 1 | 99.0 | 90.0 |" in text(tmp_path)


def test_missing_cells_are_named(tmp_path: Path) -> None:
    made(tmp_path / "a", {"Identity": 99, "A": 90})
    made(tmp_path / "b", {"Identity": 98}, method="modules")
    assert "| modules (small_cnn) | 1 | 98.0 | missing |" in text(tmp_path)


def test_only_compositions_that_all_seeds_have_are_averaged_and_told(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90, "B": 80, "C": 70})
    made(tmp_path / "b", {"A": 92, "B": 84}, seed=1)
    made(tmp_path / "c", {"A": 10}, method="modules")
    made(tmp_path / "d", {"B": 10}, method="modules", seed=1)
    lines = text(tmp_path).splitlines()
    assert "| cross_entropy (small_cnn) | 2 | 85.0, 88.0 (2 of 3 compositions) |" in lines  # of 85 and 88
    assert "| modules (small_cnn) | 0 | missing |" in lines  # no composition in common


def test_a_cell_of_fewer_seeds_tells_so(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90, "A-B": 60})
    made(tmp_path / "b", {"A": 92}, seed=1)
    assert "| cross_entropy (small_cnn) | 2 | 90.0, 92.0 | 60.0 (n = 1) |" in text(tmp_path)


def test_splits_have_tables_of_their_own(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90})
    made(tmp_path / "b", {"A": 80}, split="valid")
    assert [section.lines for section in table(tmp_path).sections] == [
        [["cross_entropy (small_cnn)", "1", "90.0"]],
        [["cross_entropy (small_cnn)", "1", "80.0"]],
    ]


def test_runs_of_other_settings_have_lines_of_their_own_by_size(tmp_path: Path) -> None:
    for i, lr in enumerate([0.1, 0.02, 1]):
        made(tmp_path / str(i), {"A": 90 + i}, settings={"method.lr": lr})
    made(tmp_path / "other", {"A": 50}, method="modules", settings={"method.lr": 7})
    (section,) = table(tmp_path).sections
    assert [line[0] for line in section.lines] == [
        *(f"cross_entropy (small_cnn) method.lr={lr}" for lr in ("0.02", "0.1", "1")),
        "modules (small_cnn)",
    ]
    assert table(tmp_path).numbers["settings"].tolist() == ["method.lr=0.02", "method.lr=0.1", "method.lr=1", ""]


def test_runs_on_another_split_do_not_make_settings_differ(tmp_path: Path) -> None:
    for i, lr in enumerate([0.1, 0.02]):
        made(tmp_path / str(i), {"A": 90}, split="valid", settings={"method.lr": lr})  # a search, say
    made(tmp_path / "chosen", {"A": 80}, settings={"method.lr": 0.1})
    assert table(tmp_path).sections[0].lines == [["cross_entropy (small_cnn)", "1", "80.0"]]


def test_the_usual_methods_come_first_in_their_order(tmp_path: Path) -> None:
    for method in ("a_method", "modules", "contrastive", "cross_entropy"):
        made(tmp_path / method, {"A": 90}, method=method)
    (section,) = table(tmp_path).sections
    assert [line[0].split()[0] for line in section.lines] == ["cross_entropy", "contrastive", "modules", "a_method"]


def test_what_two_runs_have_alike_counts_once(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90, "B": 80})
    made(tmp_path / "b", {"A": 90})  # equal settings, but fewer compositions tested
    assert "| cross_entropy (small_cnn) | 1 | 85.0 |" in text(tmp_path)


@pytest.mark.parametrize(
    ("recorded", "told"),
    [
        ({"settings": {"threads": 2}}, "threads"),
        ({"torch": "2.5.0", "host": "c"}, "torch"),
        ({"cuda": "12.4"}, "cuda"),
        ({"device_name": "NVIDIA H100"}, "device_name"),
    ],
)
def test_replicas_with_other_results_stand_in_lines_of_their_own_named_by_what_differs(
    tmp_path: Path, recorded: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = {"settings": {"threads": 1}, "torch": "2.4.0", "cuda": "12.1", "device_name": "NVIDIA A100"}
    made(tmp_path / "a", {"A": 90, "B": 50}, **first)
    made(tmp_path / "b", {"A": 80, "B": 50}, **{**first, **recorded})
    made(tmp_path / "c", {"A": 91, "B": 51}, 1, **first)
    made(tmp_path / "d", {"A": 70, "B": 30}, method="modules", **first)
    values = [1, 2] if told == "threads" else [first[told], recorded[told]]
    lines = {line[0]: line[1] for line in table(tmp_path).sections[0].lines}
    assert lines == {
        f"cross_entropy (small_cnn) {told}={values[0]}": "2",
        f"cross_entropy (small_cnn) {told}={values[1]}": "1",
        "modules (small_cnn)": "1",
    }
    assert f"they differ in {told}: they stand in lines of their own. {tmp_path}/a has" in capsys.readouterr().err


def test_one_kind_of_replicas_can_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "a", {"A": 90}, settings={"threads": 1})
    made(tmp_path / "b", {"A": 80}, settings={"threads": 2}, host="node7")
    for only in (["threads=2"], ["host=node7"], ["threads=2.0", "method.name=cross_entropy"]):
        report([tmp_path], only=only)
        told = capsys.readouterr()
        assert "| cross_entropy (small_cnn) | 1 | 80.0 |" in told.out and told.err == ""
    with pytest.raises(UserError, match=r"--only thread=2: no run has thread; threads is meant\?"):
        report([tmp_path], only=["thread=2"])
    with pytest.raises(UserError, match=r"--only threads=3: no run; threads is 1, 2\."):
        report([tmp_path], only=["threads=3"])


def test_replicas_that_nothing_tells_apart_are_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path / "a", {"A": 90})
    made(tmp_path / "b", {"A": 80})
    made(tmp_path / "c", {"A": 70}, 1)
    assert "| cross_entropy (small_cnn) | 1 | 70.0 |" in text(tmp_path)
    assert f"{tmp_path}/a and {tmp_path}/b have equal settings and equal seeds" in capsys.readouterr().err


@pytest.mark.usefixtures("no_figures")
def test_one_damaged_folder_hides_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i, name in enumerate("abcdef"):
        made(tmp_path / name, {"A": 90 + i}, i)
    (tmp_path / "a" / "results.csv").write_text("A;1")
    (tmp_path / "b" / "config.yaml").write_text("method: {")
    (tmp_path / "c" / "config.yaml").unlink()
    (tmp_path / "d" / "status.json").write_text('{"state": "do')
    (tmp_path / "e" / "config.yaml").write_bytes(b"\xff\xfe")
    report([tmp_path], tmp_path / "out")
    told = capsys.readouterr()
    assert "| cross_entropy (small_cnn) | 2 | 93.0, 95.0 |" in told.out  # d, f
    assert "| cross_entropy (small_cnn) config.yaml=unknown | 3 | 92.3 ± 3.8 |" in told.out
    assert told.err.count("\n") == 5
    assert f"1 run has no config.yaml, so that its settings are not known: {tmp_path}/c." in told.err
    for place in ("a/results.csv", "b/config.yaml", "d/status.json", "e/config.yaml"):
        assert f"{tmp_path}/{place}" in told.err
    assert f"Not counted, damaged or the same as others: {tmp_path}/a." in (tmp_path / "out/table.md").read_text()


def test_shards_do_not_count_beside_their_merged_table(tmp_path: Path) -> None:
    made(tmp_path / "run", {"A": 90})
    made(tmp_path / "run" / "shard-1of2", {"A": 10})
    assert table(tmp_path).numbers["accuracy"].tolist() == [90]


def test_runs_without_results_are_counted_and_their_cells_missing(tmp_path: Path) -> None:
    made(tmp_path / "a", {"A": 90})
    made(tmp_path / "b", {}, seed=1, state="running")
    made(tmp_path / "c", {}, method="modules", state="failed")
    assert table(tmp_path).sections[0].lines == [
        ["cross_entropy (small_cnn)", "1 of 2", "90.0"],
        ["modules (small_cnn)", "0 of 1", "missing"],
    ]


def test_all_variants_wait_for_a_run(tmp_path: Path) -> None:
    for variant in ("joint", "identity"):
        made(tmp_path / variant, {"A": 90}, method="img_space", variant=variant)
    made(tmp_path / "b", {}, 1, "img_space", state="preempted")
    assert [line[:2] for line in table(tmp_path).sections[0].lines] == [
        ["img_space, identity (small_cnn)", "1 of 2"],
        ["img_space, joint (small_cnn)", "1 of 2"],
    ]


def test_bootstrap_interval_stands_beside(tmp_path: Path) -> None:
    for seed in range(3):
        made(tmp_path / str(seed), {"A": 80 + seed, "B": 80 + seed}, seed)
    row = table(tmp_path, draws=2000).numbers.iloc[0]
    assert (row["low"], row["high"]) == (80, 82)  # all draws of the same seed: 1 of 27
    assert table(tmp_path, draws=2000).sections[0].lines[0][-1] == "81.0 ± 2.5 [80.0, 82.0]"
