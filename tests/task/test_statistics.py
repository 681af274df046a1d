"""Statistics of pixels: known answers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from in_process import modrobust
from sklearn.datasets import load_digits

from modrobust.dataset.digits import digits
from modrobust.dataset.moments import mean_and_std, moments


def test_known_answers() -> None:
    images = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 2, 2).clone()
    images[:, 1], images[:, 2] = 51, torch.tensor([0, 0, 0, 255], dtype=torch.uint8).view(2, 2)
    mean, std = mean_and_std(moments(images.numpy()), pixels=4)
    assert mean == pytest.approx([0.5, 0.2, 0.25], abs=1e-15)
    assert std == pytest.approx([0.5, 0, np.sqrt(3) / 4], abs=1e-15)


def test_of_the_digits(tmp_path: Path) -> None:
    result = modrobust(tmp_path, "task=statistics", "task.split=test", "threads=1")
    assert result.code == 0, result.err
    (file,) = tmp_path.glob("outputs/tasks/digits/*/*/statistics-*/statistics.csv")
    (row,) = pd.read_csv(file).to_dict("records")
    pixels = digits_of("test") / 255
    assert (row["split"], row["n_images"], row["channel"]) == ("test", len(pixels), 0)
    assert (row["mean"], row["std"]) == pytest.approx((pixels.mean(), pixels.std()), abs=1e-12)
    assert f"mean: [{row['mean']:.8g}]\nstd: [{row['std']:.8g}]\n" in result.out
    plain = load_digits().images / 16  # enlarging keeps the mean about
    assert abs(row["mean"] - plain.mean()) < 0.02


def digits_of(split: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    facts = {"name": "digits", "num_classes": 10, "image_size": 28, "mean": [0.5] * 3, "std": [0.5] * 3}
    return digits(Path(), **facts).splits[split].inputs.double().numpy()  # type: ignore[arg-type]


def test_an_unknown_split_is_told(tmp_path: Path) -> None:
    result = modrobust(tmp_path, "task=statistics", "task.split=tests", "threads=1")
    assert result.code == 1
    assert "task.split=tests: digits has the splits train, valid, test. Did you mean 'test'?" in result.err
