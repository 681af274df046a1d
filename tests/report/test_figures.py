"""Figures over runs of images: their numbers are the table's, what is missing shows, equal runs give equal files."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import COMPOSITIONS, write_pictures, write_run
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from modrobust.corruption.composition import label, parse
from modrobust.report.figures.boxes import boxes, boxplot
from modrobust.report.figures.heat import cells, heatmap
from modrobust.report.figures.images import before_and_after, write_images
from modrobust.report.figures.levels import levels
from modrobust.report.figures.sheets import FIGURES, LINES, Sheet, pages, sheets
from modrobust.report.figures.training import learning
from modrobust.report.figures.write import write_figures
from modrobust.report.read.curves import MEASURES, curves
from modrobust.report.read.facts import collect
from modrobust.report.read.find import find
from modrobust.report.stats.combinations import abbreviate, by_length, meaning
from modrobust.report.tables.by_length import by_number
from modrobust.report.tables.images import rows_of

NAMES = [label(composition) for composition in COMPOSITIONS]


def rows_below(folder: Path) -> pd.DataFrame:
    runs, without = find([folder])
    return rows_of(runs, collect(runs, without))


def only_sheet(folder: Path) -> Sheet:
    (sheet,) = sheets(rows_below(folder))
    return sheet


def change(run: Path, keep: list[str]) -> None:
    table = pd.read_csv(run / "results.csv")
    table[table["composition"].isin(keep)].to_csv(run / "results.csv", index=False)


def texts(figure: Figure) -> list[str]:
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    ticks = [text.get_text() for axes in figure.axes for text in axes.get_yticklabels()]
    return [*found, *ticks, *(text.get_text() for text in figure.texts)]


def test_boxes_are_of_the_tables_numbers(tmp_path: Path) -> None:
    for method in ("cross_entropy", "modules"):
        for seed in range(3):
            run = write_run(tmp_path, method, seed)
    change(run, [name for name in NAMES if name != "Swirl-Invert"])  # only two seeds have it: the table leaves it out
    rows = rows_below(tmp_path)
    table = by_number(rows, "accuracy", rows).set_index(["line", "n_corruptions"])["accuracy"]
    found = boxes(rows)
    assert {number for _, number in found} == {1, 2, 3, 4, 5, 6}
    for (line, number), accuracies in found.items():
        if number > 1:
            assert accuracies.mean() == pytest.approx(table[line, number])
    line = "modules (small_cnn)"
    assert [len(found[line, number]) for number in (1, 2, 3)] == [7, 29, 40]
    first = rows[(rows["line"] == line) & (rows["n_corruptions"] < 2)].groupby("composition")["accuracy"].mean()
    assert sorted(found[line, 1]) == pytest.approx(sorted(first))  # Identity is in box 1


def test_box_plot_names_what_is_missing_and_chance(tmp_path: Path) -> None:
    write_run(tmp_path, "cross_entropy", 0)
    change(write_run(tmp_path, "modules", 0), [name for name in NAMES if len(parse(name)) < 4][:-3])
    shown = texts(boxplot(only_sheet(tmp_path), num_classes=10))
    assert shown.count("missing") == 3  # 4, 5, 6 corruptions
    assert "37 of 40" in shown and "chance\n10" in shown
    assert not any("chance" in text for text in texts(boxplot(only_sheet(tmp_path), num_classes=None)))


def test_ceiling_is_that_of_the_dataset(tmp_path: Path) -> None:
    run = write_run(tmp_path, "cross_entropy", 0)
    rows = rows_below(tmp_path).assign(dataset="emnist")
    (sheet,) = sheets(rows)
    assert "ceiling\n89" in texts(boxplot(sheet, 47)) and run.exists()


@pytest.mark.parametrize("value", ["accuracy", "loss"])
def test_heat_map_cells_are_means_over_seeds_and_missing_ones_stay_empty(tmp_path: Path, value: str) -> None:
    runs = [write_run(tmp_path, "cross_entropy", seed) for seed in range(3)]
    change(write_run(tmp_path, "modules", 0), NAMES[:20])
    sheet = only_sheet(tmp_path)
    table = cells(sheet.rows, value)
    by_seed = [pd.read_csv(run / "results.csv").set_index("composition")[value] for run in runs]
    mean = np.mean([one[NAMES] for one in by_seed], axis=0)
    assert table.loc[NAMES, "cross_entropy (small_cnn)"].to_numpy() == pytest.approx(mean)
    assert table.loc[NAMES, "modules (small_cnn)"].notna().tolist() == [True] * 20 + [False] * 147
    *stacks, _ = heatmap(sheet, value).axes  # the last one is the scale
    meshes = [one for axes in stacks for one in axes.collections if isinstance(one, QuadMesh)]
    drawn = np.ma.concatenate([np.ma.asarray(mesh.get_array())[:, 1] for mesh in meshes])
    assert drawn.count() == 20 and len(drawn) == 167


def test_a_loss_that_is_not_finite_is_no_number(tmp_path: Path) -> None:
    run = write_run(tmp_path, "cross_entropy", 0)
    table = pd.read_csv(run / "results.csv")
    table.loc[3, "loss"] = np.inf
    table.to_csv(run / "results.csv", index=False)
    found = cells(only_sheet(tmp_path).rows, "loss")
    assert np.isnan(found.loc[NAMES[3]]).all() and found.isna().sum().sum() == 1
    heatmap(only_sheet(tmp_path), "loss")


def test_orders_of_a_combination_are_beside_each_other(tmp_path: Path) -> None:
    write_run(tmp_path, "cross_entropy", 0)
    shown = [text for text in texts(heatmap(only_sheet(tmp_path), "accuracy")) if text in map(abbreviate, NAMES)]
    assert sorted(shown) == sorted(map(abbreviate, NAMES))
    combinations = [tuple(sorted(text.split("-"))) for text in shown]
    runs = [one for i, one in enumerate(combinations) if i == 0 or combinations[i - 1] != one]
    assert len(runs) == len(set(runs)) == 7 + 15 + 20 + 15 + 6 + 1
    assert [len(one) for one in combinations] == sorted(len(one) for one in combinations)


def test_order_of_compositions_does_not_depend_on_that_of_rows() -> None:
    names = ["Swirl", "Invert", "Invert-Swirl", "Fog-Swirl", "Swirl-Fog", "Swirl-Invert", "Identity"]
    found = by_length(names)
    assert found == {
        0: [["Identity"]],
        1: [["Swirl"], ["Invert"]],
        2: [["Swirl-Invert", "Invert-Swirl"], ["Swirl-Fog", "Fog-Swirl"]],
    }
    assert abbreviate("Invert-Fog-Rotate90") == "IN-Fog-R90"
    assert meaning(["Invert-Fog", "Identity"]) == "ID Identity, IN Invert"


def test_many_orders_of_one_combination_go_on_in_the_next_stack(tmp_path: Path) -> None:
    run = write_run(tmp_path, "cross_entropy", 0)
    table = pd.read_csv(run / "results.csv").iloc[[0] * 60]
    composition = ["-".join(np.random.default_rng(i).permutation(list("ABCDE"))) for i in range(400)]
    table.assign(composition=list(dict.fromkeys(composition))[:60], n_corruptions=5).to_csv(
        run / "results.csv", index=False
    )
    shown = texts(heatmap(only_sheet(tmp_path), "accuracy"))
    assert "5 corruptions" in shown and "5 corruptions, continued" in shown
    assert len([text for text in shown if text.count("-") == 4]) == 60


def metrics(part: str, epochs: int, loss: float) -> str:
    row = {"part": part, "lr": 0.1, "loss": loss, "accuracy": 0.5, "valid_loss": loss, "valid_accuracy": 0.25}
    return "".join(json.dumps({**row, "epoch": epoch + 1}) + "\n" for epoch in range(epochs))


def test_learning_curves_are_pooled_over_seeds_without_searches(tmp_path: Path) -> None:
    for seed, (level, epochs) in enumerate([(0, 3), (2, 3), (2, 2)]):
        (tmp_path / str(seed)).mkdir()
        text = metrics(f"module-Swirl-level{level}", epochs, 1.0 + seed) + metrics("search5-Swirl-level0", 5, 9)
        (tmp_path / str(seed) / "metrics.jsonl").write_text(text)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "metrics.jsonl").write_text('{"part": "classi')
    folders = [tmp_path / "0", tmp_path / "1", tmp_path / "2", tmp_path / "cut", tmp_path / "not there"]
    (parts,) = curves({"modules": folders}).values()
    assert list(parts) == ["module-Swirl"]
    curve = parts["module-Swirl"]
    assert curve.shape == (3, len(MEASURES), 3)
    assert curve[0, MEASURES.index("valid_loss")].tolist() == [1, 2, 3]
    assert curve[1, MEASURES.index("valid_accuracy")].tolist() == [25, 25, 25]
    assert np.isnan(curve[2, 0]).tolist() == [False, False, True]
    learning("made up", {"modules": parts})


def test_levels_are_means_with_how_many_seeds_chose_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, chosen in enumerate((0, 1, 1)):
        run = write_run(tmp_path, "auto_modules", seed)
        table = [f"Swirl,{level},{80 + seed + level},{level == chosen}" for level in (0, 1)]
        (run / "levels.csv").write_text("\n".join(["corruption,level,valid_accuracy,chosen", *table]))
    write_run(tmp_path, "cross_entropy", 0)
    found = levels(rows_below(tmp_path))
    assert found["accuracy"].tolist() == [81, 82] and found["chosen"].tolist() == [1, 2]
    assert found["n"].tolist() == [3, 3] and found["interval"].tolist() == pytest.approx([2.48414] * 2)
    (run / "levels.csv").write_text("corruption,level\nSwirl,0\n")
    assert levels(rows_below(tmp_path))["n"].tolist() == [2, 2]
    assert f"{run}/levels.csv is damaged: the level search of this run is left out.\n" in capsys.readouterr().err


def test_files_are_named_whole_and_equal_for_equal_runs(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    for method, seed in (("auto_modules", 0), ("auto_modules", 1), ("modules", 0)):
        run = write_run(outputs, method, seed)
        change(run, NAMES[:37])
        (run / "metrics.jsonl").write_text(metrics("classifier", 2, 1.0))
        (run / "levels.csv").write_text("corruption,level,valid_accuracy,chosen\nSwirl,1,80,True\n")
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 3, 8, 8), dtype=np.uint8)
    np.savez(run / "autoencoders.npz", labels=np.array(["clean", "Swirl", "restored"]), images=images)
    write_pictures(outputs)
    runs, without = find([outputs])
    facts = collect(runs, without)
    rows = rows_of(runs, facts)
    first = list(write_figures(rows, facts.num_classes, tmp_path / "first"))
    kinds = ("boxplot", "heatmap_accuracy", "heatmap_loss", "corruptions", "compositions")
    stems = {*(f"{kind}_digits_test" for kind in kinds), "learning_digits", "levels_digits", "autoencoders_digits"}
    assert {path.name for path in first} == {f"{stem}.{kind}" for stem in stems for kind in ("pdf", "png")}
    again = list(write_figures(rows, facts.num_classes, tmp_path / "again"))
    for one, other in zip(first, again, strict=True):
        assert one.stat().st_size > 1000 and one.read_bytes() == other.read_bytes(), one.name
    assert not list((tmp_path / "first").glob(".*"))


@pytest.mark.parametrize("content", [b"", b"PK\3\4 cut off"])
def test_a_damaged_file_of_a_run_is_named(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_run(tmp_path, "img_space", 0) / "autoencoders.npz"
    path.write_bytes(content)
    assert list(write_images(rows_below(tmp_path), tmp_path / "report")) == []
    assert capsys.readouterr().err == f"modrobust-report: {path} is damaged: its images are left out.\n"


def test_files_of_shares_are_found(tmp_path: Path) -> None:
    run = write_run(tmp_path, "auto_modules", 0)
    (run / "shard-1of2").mkdir()
    (run / "shard-1of2" / "levels.csv").write_text("corruption,level,valid_accuracy,chosen\nSwirl,1,80,True\n")
    assert levels(rows_below(tmp_path))["accuracy"].tolist() == [80]


def test_before_and_after_shows_every_row() -> None:
    images = np.zeros((3, 20, 1, 8, 8), np.uint8)
    figure = before_and_after("made up", ["clean", "Swirl", "restored"], images)
    assert [text.get_text() for text in figure.texts] == ["made up", "clean", "Swirl", "restored"]
    assert len(figure.axes) == 3


def test_many_lines_are_spread_over_figures_and_too_many_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    names = [str(i) for i in range(LINES + 1)]
    assert [(suffix, some) for suffix, _, some in pages(names, LINES, "box plots")] == [
        ("_1", names[:4]),
        ("_2", names[4:]),
    ]
    assert pages(names[:2], LINES, "box plots") == [("", "", names[:2])] and pages([], LINES, "box plots") == []
    assert capsys.readouterr().err == ""
    assert pages([""] * (LINES * FIGURES + 1), LINES, "box plots of digits") == []
    assert "no box plots of digits: 65 methods and settings, more than 64" in capsys.readouterr().err
