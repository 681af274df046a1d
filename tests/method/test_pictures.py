"""What `vis=true` and the image space method draw."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def test_vis_draws_training_batch_and_compositions(run: Callable[..., Path]) -> None:
    folder = run("vis=true")
    for name in ("training.png", "compositions.png"):
        with Image.open(folder / name) as picture:
            assert min(picture.size) > 100


def test_pictures_are_not_drawn_unasked(run: Callable[..., Path]) -> None:
    assert list(run().glob("*.png")) == []


def test_img_space_draws_before_and_after(run: Callable[..., Path]) -> None:
    folder = run("method=img_space")
    assert [path.name for path in folder.glob("*.png")] == ["autoencoders.png"]
    with np.load(folder / "autoencoders.npz") as file:
        labels, images = file["labels"].tolist(), file["images"]
    assert labels == ["clean", "Contrast", "restored", "Rotate90", "restored"]
    assert images.shape == (5, 8, 3, 16, 16) and images.dtype == np.uint8
    assert (images[3] == np.rot90(images[0], axes=(-2, -1))).all() or (
        images[3] == np.rot90(images[0], -1, (-2, -1))
    ).all()
