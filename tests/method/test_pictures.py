"""What `vis=true` and the image space method draw."""

from collections.abc import Callable
from pathlib import Path

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
