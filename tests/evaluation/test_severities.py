"""Severities beside each other, and published corrupted images as they lie."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from in_process import SMALL, modrobust
from torch import Tensor

from modrobust.corruption.corruption import Corruption
from modrobust.corruption.draw import Draw
from modrobust.corruption.transform import ELEMENTAL
from modrobust.dataset.corrupted import Corrupted, corrupted_images
from modrobust.errors import UserError
from modrobust.evaluation.corruption_error import of_single, severity_folders

NOISE = (
    "corruption=noise",
    "corruption.names=[ShotNoise,SpeckleNoise]",
    "evaluation.severities=[3,5]",
    "evaluation.max_length=2",
)


def test_a_severity_is_tested_as_if_it_were_configured(tmp_path: Path) -> None:
    result = modrobust(tmp_path, *SMALL, *NOISE)
    assert result.code == 0, result.err
    assert "plain mCE" in result.out
    (folder,) = tmp_path.glob("outputs/runs/digits/*/seed0-*")
    assert [(images, severity) for images, severity, _ in severity_folders(folder)] == [
        ("computed", 3),
        ("computed", 5),
    ]
    configured = pd.read_csv(folder / "results.csv").query("n_corruptions > 0").reset_index(drop=True)
    third = pd.read_csv(folder / "severity3" / "results.csv")
    assert (third.pop("severity") == 3).all()
    pd.testing.assert_frame_equal(third, configured)
    fifth = pd.read_csv(folder / "severity5" / "results.csv")
    assert fifth["loss"].sum() != third["loss"].sum()
    done = (folder / "severity5" / "results.csv").stat().st_mtime_ns
    (folder / "status.json").unlink()  # as if it had been killed at its end
    assert modrobust(tmp_path, *SMALL, *NOISE).code == 0
    assert (folder / "severity5" / "results.csv").stat().st_mtime_ns == done


def test_shares_of_severities_are_merged(tmp_path: Path) -> None:
    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    only = "evaluation.compositions=[Identity,ShotNoise,SpeckleNoise]"
    assert modrobust(tmp_path / "whole", *SMALL, *NOISE, only).code == 0
    for part in (2, 1):
        assert modrobust(tmp_path / "parts", *SMALL, *NOISE, only, f"evaluation.shard={part}/2").code == 0
    whole, parts = (
        {place: (run / place / "results.csv").read_bytes() for place in (".", "severity3", "severity5")}
        for run in (next((tmp_path / one).glob("outputs/runs/digits/*/seed0-*")) for one in ("whole", "parts"))
    )
    assert whole == parts


def test_at_a_severity() -> None:
    def own(images: Tensor, draw: Draw, severity: int = 1) -> Tensor:
        return images / (1 + severity)

    images, draw = torch.rand(2, 1, 8, 8) * 255, Draw("x", torch.arange(2))
    corruption = Corruption({**ELEMENTAL, "Own": own}, names=["Contrast", "Invert", "Own"]).at(4)
    assert torch.equal(corruption.elemental["Contrast"](images, draw), ELEMENTAL["Contrast"](images, draw, severity=4))
    assert torch.equal(corruption.elemental["Invert"](images, draw), 255 - images)
    assert torch.equal(corruption.elemental["Own"](images, draw), images / 5)
    with pytest.raises(UserError, match="severity is 9"):
        corruption.at(9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images of a severity have its number as their values, plus ten times their place."""
    place = tmp_path / "TINY-C"
    place.mkdir()
    images = np.add.outer(np.repeat(range(1, 6), 4) + 10 * np.tile(range(4), 5), np.zeros((6, 8, 3))).astype(np.uint8)
    np.save(place / "gaussian_noise.npy", images)
    np.save(place / "brightness.npy", images + 100)
    np.save(place / "gaussian_blur.npy", images)
    np.save(place / "my_own.npy", images[..., 0])
    np.save(place / "labels.npy", np.tile([0, 1, 2, 1], 5).astype(np.uint8))
    return place


def read(folder: Path) -> Corrupted:
    return corrupted_images(folder, 3, (6, 8))


def test_published_images_are_read_as_they_lie(folder: Path) -> None:
    found = read(folder)
    assert [*found.files] == ["GaussianNoise", "Brightness", "CommonGaussianBlur", "MyOwn"]
    assert found.targets.tolist() == [0, 1, 2, 1]
    images = found.images("Brightness", 3, torch.tensor([2, 0]))
    assert images.shape == (2, 3, 6, 8)
    assert images[:, 0, 0, 0].tolist() == [123, 103]
    assert found.images("MyOwn", 5, torch.tensor([3])).unique().tolist() == [35]
    np.save(folder / "labels.npy", np.array([0, 1, 2, 1]))
    assert read(folder).targets.tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("labels", np.zeros(20), "does not hold classes"),
        ("labels", np.full(20, 3), "does not hold classes from 0 to 2"),
        ("labels", np.zeros(7, int), "holds 20 images, labels.npy 7 classes"),
        ("fog", np.zeros((20, 6, 8, 3)), r"holds float64 \(20, 6, 8, 3\): uint8 \(N, H, W, C\) of 6 x 8 px"),
        ("fog", np.zeros((20, 8, 6, 3), np.uint8), "6 x 8 px is needed"),
        ("fog", np.zeros((19, 6, 8, 3), np.uint8), "holds 19 images"),
        ("fog", None, "fog.npy cannot be read"),
    ],
)
def test_what_is_not_such_a_folder_is_refused(folder: Path, name: str, array: np.ndarray | None, message: str) -> None:
    if array is None:
        (folder / f"{name}.npy").write_bytes(b"nothing")
    else:
        np.save(folder / f"{name}.npy", array)
    with pytest.raises(UserError, match=message):
        read(folder)
    for file in folder.glob("[!l]*.npy"):
        file.unlink()
    with pytest.raises(UserError, match=r"holds no .npy of a corruption|labels.npy does not hold"):
        read(folder)
    with pytest.raises(UserError, match=r"is not a folder; it needs labels\.npy"):
        read(folder / "none")


def test_errors_are_means_over_severities_without_the_extra_ones() -> None:
    rows = pd.DataFrame(
        {
            "composition": ["Fog", "Fog", "Spatter", "Fog-Snow", "Snow"],
            "n_corruptions": [1, 1, 1, 2, 1],
            "severity": [1, 3, 1, 1, 1],
            "accuracy": [90.0, 70.0, 10.0, 20.0, 60.0],
        }
    )
    found = of_single(rows.assign(line="one"), ["line"])
    assert found.to_dict("list") == {"line": ["one"] * 2, "composition": ["Fog", "Snow"], "error": [20.0, 40.0]}
