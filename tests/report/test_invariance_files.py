"""What is written about invariance: scores beside accuracies, correlations, plots, and what is missing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import COMPOSITIONS, write_run

from modrobust.corruption.composition import label
from modrobust.report.invariance_files import write_invariance
from modrobust.report.read.facts import collect
from modrobust.report.read.find import find
from modrobust.report.stats.invariance import invariance
from modrobust.report.tables.images import rows_of
from modrobust.report.tables.invariance import correlations_table

NAMES = np.array([label(composition) for composition in COMPOSITIONS])


def write_activations(run: Path, seed: int, keep: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Activations of 4 classes, the last of which has no image, and 6 units; returns the means (n, 4, 6)."""
    draw = np.random.default_rng(seed)
    means = np.maximum(1 + draw.normal(size=(len(NAMES), 4, 6)), 0).astype(np.float32)
    means[:, 3] = 0
    np.savez(
        run / "activations.npz",
        compositions=NAMES[keep],
        class_count=np.array([5, 6, 7, 0]),
        **{"default/class_mean": means[keep], "default/unit_max": means[keep].max(1)},
    )
    return means


def report(folders: list[Path], output: Path) -> None:
    """What `modrobust-report` does about invariance."""
    runs, without = find(folders)
    list(write_invariance(rows_of(runs, collect(runs, without)), runs, output))


@pytest.mark.usefixtures("no_figures")
def test_scores_stand_beside_accuracies_and_classes_without_images_do_not_count(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, method, seed) for method in ("cross_entropy", "modules") for seed in (0, 1)]
    means = [write_activations(run, seed) for seed, run in enumerate(runs)]
    report([tmp_path], tmp_path / "report")
    table = pd.read_csv(tmp_path / "report" / "invariance.csv", keep_default_na=False)
    assert len(table) == 4 * 160
    results = pd.read_csv(runs[2] / "results.csv").set_index("composition")["accuracy"]
    scores = invariance(means[2][:, :3], means[2].max(1), COMPOSITIONS)
    of_run = table[table["run"] == str(runs[2])].set_index("composition")
    for i, composition in enumerate(scores.compositions):
        row = of_run.loc[label(composition)]
        assert row["elemental_score"] == pytest.approx(scores.elemental[i], abs=1e-12)
        assert row["composition_score"] == pytest.approx(scores.composition[i], abs=1e-12)
        assert row["accuracy"] == pytest.approx(results[label(composition)])
        assert (row["method"], row["seed"], row["n_corruptions"]) == ("modules", 0, len(composition))


@pytest.mark.usefixtures("no_figures")
def test_correlations_are_of_means_over_seeds_and_their_spread_is_of_seeds(tmp_path: Path) -> None:
    for method in ("cross_entropy", "modules"):
        for seed in (0, 1, 2):
            write_activations(write_run(tmp_path, method, seed), seed)
    report([tmp_path], tmp_path / "report")
    table = pd.read_csv(tmp_path / "report" / "invariance.csv")
    numbers = pd.read_csv(tmp_path / "report" / "correlations.csv", keep_default_na=False, dtype={"n_corruptions": str})
    assert set(numbers["method"]) == {"all", "cross_entropy", "modules"}
    assert set(numbers["n_corruptions"]) == {"2", "3", "4", "5", "6", "2-6"}
    chosen = numbers[(numbers["x"] == "composition_score") & (numbers["y"] == "accuracy")].set_index("method")
    row = chosen[chosen["n_corruptions"] == "2"].loc["modules"]
    some = table[(table["method"] == "modules") & (table["n_corruptions"] == 2)]
    means = some.groupby("composition")[["composition_score", "accuracy"]].mean()
    assert float(row["r"]) == pytest.approx(np.corrcoef(means.T)[0, 1])
    each = [np.corrcoef(one[["composition_score", "accuracy"]].T)[0, 1] for _, one in some.groupby("seed")]
    assert float(row["r_seeds"]) == pytest.approx(np.mean(each))
    assert (float(row["r_seeds_lowest"]), float(row["r_seeds_highest"])) == pytest.approx((min(each), max(each)))
    assert (int(row["points"]), int(row["combinations"]), int(row["relabellings"])) == (30, 15, 720)
    pooled = chosen[chosen["n_corruptions"] == "2-6"].loc["all"]
    assert (int(pooled["points"]), int(pooled["combinations"])) == (320, 57)
    text = (tmp_path / "report" / "correlations.md").read_text()
    assert "| modules (small_cnn) | 6 | 30 | - | - | - | - | - | - | - |" in text  # all orders, one elemental score
    assert "p relabelled" in text


def test_plots_are_written_and_equal_runs_give_equal_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modrobust.report.figures.write.write_figures", lambda *_: ())  # those of other tests
    for method in ("cross_entropy", "modules"):
        write_activations(write_run(tmp_path, method, 0), 0)
    contents = []
    for name in ("first", "again"):
        report([tmp_path / "runs"], tmp_path / name)
        files = sorted((tmp_path / name).glob("invariance_*"))
        contents.append({file.name: file.read_bytes() for file in files})
    stems = ("invariance_digits_test", "invariance_methods_digits_test")
    assert list(contents[0]) == [f"{stem}.{kind}" for stem in stems for kind in ("pdf", "png")]
    assert contents[0] == contents[1]


@pytest.mark.usefixtures("no_figures")
def test_runs_without_activations_are_named_only_beside_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (write_run(tmp_path, "cross_entropy", seed) for seed in (0, 1))
    report([tmp_path], tmp_path / "report")
    assert "invariance" not in capsys.readouterr().err
    assert not list((tmp_path / "report").glob("*invariance*"))
    assert not (tmp_path / "report" / "correlations.csv").exists()
    write_activations(first, 0)
    report([tmp_path], tmp_path / "report")
    assert (
        f"1 of 2 runs lack activations.npz (evaluation.activations=true writes it): {second}" in capsys.readouterr().err
    )
    assert pd.read_csv(tmp_path / "report" / "invariance.csv")["run"].unique().tolist() == [str(first)]


@pytest.mark.usefixtures("no_figures")
def test_compositions_without_their_elemental_corruptions_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path, "cross_entropy", 0)
    write_activations(run, 0, NAMES != "Swirl")
    report([tmp_path], tmp_path / "report")
    table = pd.read_csv(tmp_path / "report" / "invariance.csv")
    with_swirl = sum("Swirl" in name and "-" in name for name in NAMES)
    assert len(table) == 160 - with_swirl
    assert not table["composition"].str.contains("Swirl").any()
    assert f"compositions that contain Swirl have none, for it was not tested alone: {with_swirl} of them" in (
        capsys.readouterr().err
    )
    assert len(correlations_table(table.assign(line="x", settings="")).numbers) == 3 * 5  # lengths 2 to 5, and all


@pytest.mark.parametrize("damage", ["cut off", "empty", "changed", "lacks"])
def test_a_damaged_file_is_named(damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path, "cross_entropy", 0)
    write_activations(run, 0)
    path = run / "activations.npz"
    content = path.read_bytes()
    if damage == "lacks":
        np.savez(path, compositions=NAMES, **{"default/class_mean": np.ones((len(NAMES), 4, 6))})
    else:
        middle = len(content) // 2
        changed = content[:middle] + bytes(64) + content[middle + 64 :]
        path.write_bytes({"cut off": content[:2000], "empty": b"", "changed": changed}[damage])
    report([tmp_path], tmp_path / "report")
    assert f"modrobust-report: {path} is damaged: this run has no invariance scores.\n" in capsys.readouterr().err
    assert not (tmp_path / "report" / "invariance.csv").exists()
