"""The page's file: one piece, a policy that forbids all else, the numbers, and what runs lack."""

import base64
import gzip
import hashlib
import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_bits import CURVE
from made_bits import write_run as write_run_of_bits
from made_up import COMPOSITIONS, write_pictures, write_run
from matplotlib import colormaps

from modrobust.report import page as report_page
from modrobust.report.__main__ import report
from modrobust.report.figures.look import SEQUENTIAL
from modrobust.report.page import write_page
from modrobust.report.read.facts import collect
from modrobust.report.stats.intervals import mean_and_interval
from modrobust.report.tables.images import rows_of

METHODS = ("cross_entropy", "modules")


def page(runs: list[Path], folder: Path) -> str:
    (path,) = write_page(rows_of(runs, collect(runs, [])), [], folder)
    assert path == folder / "report.html" and [file.name for file in folder.iterdir()] == ["report.html"]
    return path.read_text()


def packed(html: str, name: str) -> bytes:
    match = re.search(f'id="{name}">([^<]+)<', html)
    assert match is not None
    return gzip.decompress(base64.b64decode(match[1]))


def content(html: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(packed(html, "content"))
    return value


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [write_run(tmp_path / "outputs", method, seed) for method in METHODS for seed in (0, 1)]


def test_one_file_whose_policy_allows_its_own_script_and_style_only(runs: list[Path], tmp_path: Path) -> None:
    html = page(runs, tmp_path / "report")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None and policy[1].startswith("default-src 'none'; img-src data:;")
    for tag in ("script", "style"):
        text = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert len(text) == 1
        assert base64.b64encode(hashlib.sha256(text[0].encode()).digest()).decode() in policy[1]
    assert not re.findall(r"(?:src|href)=\"(?!#|data:)[^\"]*|@import|url\(h", html)
    assert "{{" not in html


def test_numbers_are_those_of_the_csv(runs: list[Path], tmp_path: Path) -> None:
    html = page(runs, tmp_path / "report")
    data = content(html)
    (view,) = data["views"]
    shape = (len(view["series"]), len(view["compositions"]))
    accuracies = np.frombuffer(packed(html, "accuracies"), "<f4").reshape(shape)
    losses = np.frombuffer(packed(html, "losses"), "<i4").reshape(shape) * data["lossUnit"]
    assert shape == (4, len(COMPOSITIONS)) and view["chance"] == 10
    for i, series in enumerate(view["series"]):
        run = data["runs"][series["run"]]
        table = pd.read_csv(run["name"] + "/results.csv").set_index("composition").loc[view["compositions"]]
        assert (table["seed"] == series["seed"]).all()
        assert (table["method"] == view["groups"][series["group"]]["method"]).all()
        np.testing.assert_allclose(accuracies[i], table["accuracy"], rtol=1e-6)
        np.testing.assert_allclose(losses[i], table["loss"], atol=5.1e-5)


def test_runs_are_told_with_configuration_state_end_of_log_and_a_link(runs: list[Path], tmp_path: Path) -> None:
    run = content(page(runs, tmp_path / "report"))["runs"][3]
    assert run["link"] == "../outputs/runs/digits/modules-small_cnn/seed1-100000"
    assert run["config"] == (runs[3] / "config.yaml").read_text()
    assert run["status"]["state"] == "done" and "parts" not in run["status"]
    log = (runs[3] / "run.log").read_text().splitlines()
    assert run["log"].splitlines() == log[-20:]


def test_runs_that_only_other_settings_tell_apart_are_groups_of_their_own(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, "modules", seed, lr) for seed in (0, 1) for lr in (0.1, 0.02)]
    runs += [write_run(tmp_path, "contrastive", 0)]
    (view,) = content(page(runs, tmp_path / "report"))["views"]
    assert [group["settings"] for group in view["groups"]] == ["", "method.lr=0.02", "method.lr=0.1"]
    assert [series["group"] for series in view["series"]] == [2, 1, 2, 1, 0]


def test_what_a_run_lacks_is_no_reason_to_fail(tmp_path: Path) -> None:
    run = write_run(tmp_path, "modules", 0)
    for name in ("config.yaml", "status.json", "run.log"):
        (run / name).unlink()
    table = pd.read_csv(run / "results.csv")
    table.iloc[3:].assign(loss=np.nan).to_csv(run / "results.csv", index=False)
    data = content(page([run], tmp_path / "report"))
    (told,) = data["runs"]
    assert (told["config"], told["log"], told["status"], told["examples"]) == ("", "", {}, None)
    assert len(data["views"][0]["compositions"]) == len(COMPOSITIONS) - 3 and data["views"][0]["chance"] is None


def test_example_pictures_are_found_above_the_runs_and_embedded_once(runs: list[Path], tmp_path: Path) -> None:
    write_pictures(tmp_path / "outputs")
    data = content(page(runs, tmp_path / "report"))
    assert [run["examples"] for run in data["runs"]] == [0, 0, 0, 0]
    (picture,) = data["examples"]
    (file,) = tmp_path.rglob("*.png")
    assert base64.b64decode(picture["uri"].removeprefix("data:image/png;base64,")) == file.read_bytes()
    assert picture["targets"] == [5, 9] and len(picture["compositions"]) == len(COMPOSITIONS)


def test_structured_data_has_a_view_with_its_seeds_measures_and_curves(tmp_path: Path) -> None:
    folders = [
        write_run_of_bits(tmp_path / "runs/a", fraction=0.25),
        write_run_of_bits(tmp_path / "runs/b", (7,), CURVE[:, :1], "modular", found=True),
    ]
    report([tmp_path / "runs"], tmp_path / "report")
    html = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    data = content(html)
    (view,) = data["views"]
    assert (view["kind"], view["dataset"], view["test"]) == ("bits", "boolean", "test")
    assert view["compositions"] == ["train", "test"] and data["version"] == metadata.version("modrobust")
    assert [group["label"] for group in view["groups"]] == [
        "mlp dataset.train_fraction=0.25",
        "modular dataset.train_fraction=0.5",
    ]
    assert [(one["group"], one["seed"]) for one in view["series"]] == [(0, 0), (0, 1), (0, 2), (1, 7)]
    assert [data["runs"][one["run"]]["name"] for one in view["series"]] == [str(folders[0])] * 3 + [str(folders[1])]
    accuracies = np.frombuffer(packed(html, "accuracies"), "<f4").reshape(4, 2)
    losses = np.frombuffer(packed(html, "losses"), "<i4").reshape(4, 2) * data["lossUnit"]
    np.testing.assert_allclose(accuracies[:, 1], [90, 80, 100, 90], rtol=1e-6)
    np.testing.assert_allclose(losses, 0.5)
    assert view["measures"] == ["epochs to 95 %", "epochs to 100 %", "inputs found", "modules found"]
    assert [one["measures"] for one in view["series"]] == [
        *([2, 3, None, None], [None, None, None, None], [3, 4, None, None], [2, 3, 120, 25])
    ]
    curves = view["groups"][0]["curves"]
    assert curves["epochs"] == [1, 2, 3, 4]
    mean, half = mean_and_interval(100 * CURVE)
    np.testing.assert_allclose(curves["test_accuracy"]["mean"], mean, atol=1e-4)
    np.testing.assert_allclose(curves["test_accuracy"]["half"], half, atol=2e-3)
    assert view["groups"][1]["curves"]["train_loss"]["half"] == [None] * 4
    assert view["groups"][1]["measures"]["inputs found"] == "120.0"


@pytest.mark.usefixtures("no_figures")
def test_one_page_for_images_and_structured_data(runs: list[Path], tmp_path: Path) -> None:
    write_run_of_bits(tmp_path / "outputs/runs/boolean/a")
    report([tmp_path / "outputs"], tmp_path / "report")
    data = content((tmp_path / "report" / "report.html").read_text(encoding="utf-8"))
    assert [(view["kind"], view["dataset"]) for view in data["views"]] == [("images", "digits"), ("bits", "boolean")]
    assert data["views"][1]["series"][0]["run"] == len(runs)


def test_figures_and_page_have_one_colour_map() -> None:
    script = (Path(report_page.__file__).parent / "heat.js").read_text()
    stops = np.array([list(map(int, stop)) for stop in re.findall(r"\[(\d+), (\d+), (\d+)\]", script)])
    assert stops == pytest.approx(255 * colormaps[SEQUENTIAL](np.linspace(0, 1, len(stops)))[:, :3], abs=0.51)
