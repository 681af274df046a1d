"""The picture of example images: what was tested, once for all runs on the same images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from command import Command
from PIL import Image

from modrobust.corruption.composition import parse
from modrobust.corruption.corruption import Corruption, quantize
from modrobust.corruption.impulse_noise import impulse_noise
from modrobust.corruption.invert import invert
from modrobust.dataset.splits import ImageDataset, Split
from modrobust.evaluation.examples import LARGEST, examples_path, write_examples
from modrobust.report.page.folders import Examples
from modrobust.store.files import read_json

COMPOSITIONS = ["Identity", "Invert", "Noise-Invert"]


def content(split: str = "test", compositions: list[str] | None = None) -> dict[str, dict[str, object]]:
    evaluation = {"split": split, "compositions": compositions, "max_length": None, "batch_size": 4}
    dataset = {"name": "made_up", "n_train": 3, "n_test": 5}
    return {"evaluation": evaluation, "dataset": dataset, "corruption": {"seed": 1}}


def corruption() -> Corruption:
    return Corruption({"Invert": lambda x, draw: invert(x, draw), "Noise": impulse_noise}, 1, None, COMPOSITIONS)


def made_up(size: tuple[int, int], channels: int) -> ImageDataset:
    images = torch.randint(0, 256, (8, channels, *size), generator=torch.Generator().manual_seed(0))
    split = Split(images.byte(), torch.tensor([4, 4, 1, 1, 2, 0, 0, 3]), torch.arange(8) * 10)
    return ImageDataset("made_up", {"test": split}, num_classes=5, image_size=size)


@pytest.mark.parametrize(("channels", "where"), [(1, [0, 2, 4]), (3, [0, 2])])
def test_tiles_are_what_is_tested_to_the_bit(tmp_path: Path, channels: int, where: list[int]) -> None:
    dataset = made_up((12, 10), channels)
    path = examples_path(tmp_path, content())
    write_examples(path, dataset, "test", corruption(), corruption().compositions)
    assert read_json(path.with_suffix(".json")) == {
        "compositions": COMPOSITIONS,
        "tile": [12, 10],
        "index": [10 * i for i in where],
        "targets": dataset.splits["test"].targets[where].tolist(),
    }
    with Image.open(path) as picture:
        sheet = np.asarray(picture).reshape(3, 12, len(where), 10, channels)
    some = dataset.splits["test"].take(torch.tensor(where), "cpu")
    for row, name in enumerate(COMPOSITIONS):
        expected = quantize(corruption().apply(some.inputs, parse(name), "test", some.index))
        np.testing.assert_array_equal(sheet[row].transpose(1, 3, 0, 2), expected.numpy())


def test_large_images_are_averaged_down_and_asked_compositions_are_shown(tmp_path: Path) -> None:
    asked = content(compositions=["Invert-Noise"])
    write_examples(
        examples_path(tmp_path, asked), made_up((2 * LARGEST, LARGEST), 3), "test", corruption(), [("Invert", "Noise")]
    )
    with Image.open(examples_path(tmp_path, asked)) as picture:
        assert picture.size == (2 * (LARGEST // 2), LARGEST)


def test_runs_on_the_same_images_share_one_picture_that_is_written_once(tmp_path: Path) -> None:
    other = content()
    other["dataset"]["n_train"] = 4
    other["evaluation"]["batch_size"] = 5
    assert examples_path(tmp_path, other) == examples_path(tmp_path, content())
    different = content()
    different["corruption"]["seed"] = 2
    others = (content(), content("valid"), content("test", ["Invert"]), different)
    assert len({examples_path(tmp_path, one) for one in others}) == 4
    path = examples_path(tmp_path, content())
    times = set()
    for _ in range(2):
        write_examples(path, made_up((12, 12), 1), "test", corruption(), corruption().compositions)
        times.add(path.stat().st_mtime_ns)
    assert len(times) == 1


def test_a_run_writes_them_and_a_report_finds_them(undisturbed: Command) -> None:
    results = undisturbed.file("results.csv")
    config = yaml.safe_load((results.parent / "config.yaml").read_text())
    examples = Examples()
    assert examples.of(results.parent, config) == 0
    assert examples.pictures[0]["compositions"] == pd.read_csv(results)["composition"].tolist()
