"""Pictures: they are written, have the right cells, and show what goes in."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from modrobust.dataset.normalise import denormalise, normalise
from modrobust.dataset.splits import ImageDataset
from modrobust.evaluation.pictures import draw_rows


def test_denormalise_undoes_normalise() -> None:
    dataset = ImageDataset("some", {}, num_classes=2, image_size=4, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))
    images = torch.randint(0, 256, (5, 3, 4, 4), dtype=torch.uint8)
    assert torch.equal(denormalise(normalise(images, dataset), dataset), images)


@pytest.mark.parametrize("channels", [1, 3])
def test_rows_show_black_and_white_as_such(tmp_path: Path, channels: int) -> None:
    black = torch.zeros(3, channels, 8, 8, dtype=torch.uint8)
    draw_rows([("black", black), ("white", black + 255)], tmp_path / "rows.png")
    with Image.open(tmp_path / "rows.png") as file:
        picture = np.asarray(file.convert("L"))
    middle = picture[:, int(picture.shape[1] * 0.6)]
    upper, lower = middle[: len(middle) // 2], middle[len(middle) // 2 :]
    assert (upper == 0).mean() > 0.5
    assert (lower == 255).mean() > 0.5
