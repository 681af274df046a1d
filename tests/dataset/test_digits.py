import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import modrobust.dataset.digits
from modrobust.dataset.digits import bundled_digits, digits
from modrobust.dataset.splits import ImageDataset

HALF = (0.5, 0.5, 0.5)


def load(size: int = 28) -> ImageDataset:
    return digits(Path("nowhere"), name="digits", num_classes=10, image_size=size, mean=HALF, std=HALF)


def test_sizes_types_and_index() -> None:
    dataset = load()
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 1204,
        "valid": 297,
        "test": 296,
    }
    for split in dataset.splits.values():
        assert split.inputs.dtype == torch.uint8
        assert split.inputs.shape == (len(split), 1, 28, 28)
        assert split.targets.dtype == split.index.dtype == torch.int64
        assert (split.index.diff() > 0).all()
    index = torch.cat([split.index for split in dataset.splits.values()])
    assert torch.equal(index.sort().values, torch.arange(1797))


def test_every_split_is_balanced() -> None:
    for split in load().splits.values():
        counts = torch.bincount(split.targets, minlength=10)
        assert counts.max() - counts.min() <= 7


def test_images_are_the_digits_upright_and_at_full_range() -> None:
    small, labels = bundled_digits()
    for split in load().splits.values():
        assert np.array_equal(split.targets, labels[split.index])
        pooled = torch.nn.functional.adaptive_avg_pool2d(split.inputs.float(), 8)[:, 0] / 255 * 16
        difference = (pooled - torch.from_numpy(small)[split.index]).abs().mean()
        assert difference < 1.5  # 3.2 upside down, 3.5 mirrored, 5.7 transposed
    assert load().splits["train"].inputs.max() == 255
    zeros = load().splits["train"]
    mean = zeros.inputs[zeros.targets == 0].float().mean(0)[0]
    assert mean[14, 14] < 20 < 100 < mean[14, 8]  # a hole, and a stroke to its left


def test_size_is_a_key() -> None:
    dataset = load(16)
    assert dataset.image_size == (16, 16)
    assert dataset.splits["test"].inputs.shape == (296, 1, 16, 16)


def test_the_file_read_directly_is_what_scikit_learn_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = bundled_digits()
    monkeypatch.setattr(modrobust.dataset.digits, "FILE", "moved.csv.gz")
    their_images, their_labels = bundled_digits()
    assert "sklearn.datasets" in sys.modules
    assert np.array_equal(images, their_images)
    assert np.array_equal(labels, their_labels)
