"""The table over seeds: means, intervals, refusals."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modrobust.errors import UserError
from modrobust.report.find import find
from modrobust.report.results import read
from modrobust.report.table import markdown, over_seeds

T_95 = {2: 12.7062, 3: 4.30265}  # quantile .975 of Student's t with n - 1 degrees of freedom


def write_run(folder: Path, seed: int, single: list[float], method: str = "erm") -> None:
    folder.mkdir(parents=True)
    common = {"dataset": "digits", "method": method, "variant": "default", "model": "small_cnn", "seed": seed}
    rows = [{**common, "split": "test", "composition": "Identity", "n_corruptions": 0, "accuracy": 99.0}]
    for i, accuracy in enumerate(single):
        rows.append({**common, "split": "test", "composition": f"C{i}", "n_corruptions": 1, "accuracy": accuracy})
    pd.DataFrame(rows).assign(n_images=10, loss=0.1).to_csv(folder / "results.csv", index=False)


def test_mean_over_compositions_then_seeds_with_t_interval(tmp_path: Path) -> None:
    for seed, single in enumerate([[90.0, 80.0], [92.0, 84.0], [94.0, 91.0]]):
        write_run(tmp_path / f"seed{seed}", seed, single)
    row = over_seeds(read(find([tmp_path])[0])).set_index("n_corruptions").loc[1]
    by_seed = np.array([85.0, 88.0, 92.5])
    assert row["accuracy"] == pytest.approx(by_seed.mean())
    assert row["interval"] == pytest.approx(T_95[3] * by_seed.std(ddof=1) / 3**0.5, rel=1e-4)
    assert row["n"] == 3


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    write_run(tmp_path / "a", 0, [90.0])
    text = markdown(over_seeds(read(find([tmp_path])[0])))
    assert "| erm (small_cnn) | 1 | 99.0 | 90.0 |" in text


def test_missing_cells_are_named(tmp_path: Path) -> None:
    write_run(tmp_path / "a", 0, [90.0])
    write_run(tmp_path / "b", 0, [], method="modules")
    assert "| modules (small_cnn) | 1 | 99.0 | missing |" in markdown(over_seeds(read(find([tmp_path])[0])))


def test_shards_do_not_count_beside_their_merged_table(tmp_path: Path) -> None:
    write_run(tmp_path / "run", 0, [90.0])
    write_run(tmp_path / "run" / "shard-1of2", 0, [10.0])
    assert over_seeds(read(find([tmp_path])[0]))["accuracy"].tolist() == [99.0, 90.0]


def test_runs_that_differ_only_in_hidden_settings_are_not_averaged(tmp_path: Path) -> None:
    write_run(tmp_path / "a", 0, [90.0])
    write_run(tmp_path / "b", 0, [80.0])
    with pytest.raises(UserError, match="2 runs have the same dataset, method, model, split and seed"):
        over_seeds(read(find([tmp_path])[0]))


@pytest.mark.parametrize(("name", "message"), [("none", "is not a folder"), ("empty", "holds no run")])
def test_folders_without_results(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        find([tmp_path / name])
