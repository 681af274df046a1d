"""The table of searches that lie beside the runs of a report."""

import json
from pathlib import Path

import pandas as pd
import pytest

from modrobust.report.tables.formats import markdown
from modrobust.report.tables.searches import newest_searches, searches_table
from modrobust.search.record import Record
from modrobust.search.steps import Step

STEP = Step("classifier", {"method.lr": [1, 0.1, 0.01]}, [], "accuracy", [0])
ABOUT = {"dataset": "digits", "method": "contrastive", "model": "cnn", "seed": 1, "recipe": {}}


def run(folder: Path, accuracy: float | None, **status: object) -> Path:
    folder.mkdir(parents=True)
    if accuracy is not None:
        (folder / "config.yaml").touch()
        row = {"split": ["valid"], "n_corruptions": [0], "accuracy": [accuracy]}
        pd.DataFrame(row).to_csv(folder / "results.csv", index=False)
    (folder / "status.json").write_text(json.dumps({"state": "done", **status}))
    return folder


def test_the_newest_search_is_told_step_by_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "runs/digits/contrastive-cnn"
    older, record, empty = (Record.at(place / f"search-{i}") for i in range(3))
    for one in (older, record, empty):
        one.begin(ABOUT, "modrobust -m search=grid", [STEP])
    older.add("classifier", [({"method.lr": 1}, [run(place / "seed1-a", 99.0)])])
    good, diverged = run(place / "seed1-b", 70.0), run(place / "seed1-c", None, state="failed", diverged=True)
    pruned = run(place / "seed1-d", None, state="pruned", error="hopeless")
    some = [({"method.lr": lr}, [folder]) for lr, folder in zip((0.1, 1, 0.01), (good, diverged, pruned), strict=True)]
    record.add("classifier", some)
    (place / "search-9").mkdir()
    (place / "search-9/search.json").write_text("{")
    searches = newest_searches([place / "seed0-x", tmp_path / "runs/digits/modules-cnn/seed0-y"])
    assert [one.folder.name for one in searches] == ["search-1"]
    assert "search-9/search.json is missing or damaged" in capsys.readouterr().err
    table = searches_table(searches)
    line = "| contrastive, cnn | classifier | 3 | 1 | 1 | validation accuracy (%) | 70 | method.lr=0.1 |"
    assert line in markdown(table.sections)
    assert sorted(table.numbers["state"]) == ["diverged", "done", "pruned"]
    assert set(table.numbers["search"]) == {"search-1"}
