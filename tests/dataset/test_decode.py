"""Images of every kind become bytes of one kind: known colours."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modrobust.dataset.decode import Decoder
from modrobust.errors import UserError

COLOUR = (200, 100, 50)


def kinds() -> dict[str, Image.Image]:
    """The same colour in every mode, or its grey."""
    flat = Image.new("RGB", (8, 6), COLOUR)
    return {
        "RGB": flat,
        "palette": flat.quantize(4),
        "CMYK": flat.convert("CMYK"),
        "RGBA": flat.convert("RGBA"),
        "YCbCr": flat.convert("YCbCr"),
    }


@pytest.mark.parametrize("kind", kinds())
def test_colours(kind: str) -> None:
    pixels = Decoder()(kinds()[kind], "it")
    assert pixels.shape == (3, 6, 8) and pixels.dtype == np.uint8
    assert np.abs(pixels.reshape(3, -1).T.astype(int) - COLOUR).max() <= 1


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tiff", "gif", "bmp", "ppm"])
def test_formats(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"it.{ending}"
    Image.new("RGB", (8, 6), COLOUR).save(path, **({"lossless": True} if ending == "webp" else {}))
    with Image.open(path) as image:
        assert np.abs(Decoder()(image, "it").reshape(3, -1).T.astype(int) - COLOUR).max() <= 2


def test_an_animation_is_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "it.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "it.gif") as image:
        assert Decoder()(image, "it")[:, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 128, 255)], ids=str)
def test_what_is_transparent_shows_the_background(background: tuple[int, int, int]) -> None:
    image = Image.new("RGBA", (4, 4), (*COLOUR, 255))
    image.paste((0, 0, 0, 0), (0, 0, 2, 4))
    seen = Decoder(background=background)(image, "it")
    assert seen[:, 0, 0].tolist() == list(background) and seen[:, 0, 3].tolist() == list(COLOUR)
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([*COLOUR, 1, 2, 3])
    palette.info["transparency"] = 0
    assert Decoder(background=background)(palette, "it")[:, 0, 0].tolist() == list(background)
    grey = Image.merge("LA", [Image.new("L", (2, 2), 9), Image.new("L", (2, 2), 0)])
    assert Decoder(background=background)(grey, "it")[:, 0, 0].tolist() == list(background)


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_sixteen_bits_are_scaled(tmp_path: Path, ending: str) -> None:
    values = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / f"it.{ending}")
    with Image.open(tmp_path / f"it.{ending}") as image:
        assert Decoder(grey=True)(image, "it").tolist() == [[[0, 1, 128, 255]]]


def test_exif_turns_an_image_upright(tmp_path: Path) -> None:
    image, exif = Image.new("RGB", (16, 8), "white"), Image.Exif()
    image.paste("black", (0, 0, 8, 8))  # the left half; turned by 90 degrees clockwise to be seen: the upper half
    exif[0x0112] = 6
    image.save(tmp_path / "it.png", exif=exif)
    with Image.open(tmp_path / "it.png") as stored:
        pixels = Decoder()(stored, "it")
    assert pixels.shape == (3, 16, 8)
    assert pixels[:, :8].max() == 0 and pixels[:, 8:].min() == 255


def test_resized_to_cover_and_cropped_at_the_centre() -> None:
    wide = Image.new("L", (40, 10), 0)
    wide.paste(255, (15, 0, 25, 10))  # the middle fourth
    assert (Decoder((10, 10), grey=True)(wide, "it") == 255).all()
    assert Decoder((5, 20), grey=True)(wide, "it").shape == (1, 5, 20)
    tall = wide.transpose(Image.Transpose.ROTATE_90)
    assert (Decoder((20, 20), grey=True)(tall, "it")[:, 1:-1] == 255).all()
    for size in ((3, 97), (97, 3), (10, 40), (11, 41), (64, 64)):
        assert Decoder(size)(wide, "it").shape == (3, *size)


def test_a_square_is_torchvision_s() -> None:
    from torchvision.transforms import CenterCrop, Compose, Resize

    noise = np.random.default_rng(0).integers(0, 256, (37, 83, 3), dtype=np.uint8)
    for image in (Image.fromarray(noise), Image.fromarray(noise.transpose(1, 0, 2))):
        expected = np.asarray(Compose([Resize(16), CenterCrop(16)])(image)).transpose(2, 0, 1)
        np.testing.assert_array_equal(Decoder((16, 16))(image, "it"), expected)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (Image.new("F", (2, 2)), "ValueError: its values are floating-point numbers, whose range is not known"),
        (Image.new("I", (2, 2), 70000), "ValueError: its values have 32 bits, whose range is not known"),
    ],
    ids=["F", "I"],
)
def test_values_without_a_range_are_refused(image: Image.Image, why: str) -> None:
    with pytest.raises(UserError, match=f"^it is not a whole image: {why}$"):
        Decoder()(image, "it")
