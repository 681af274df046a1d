"""An image of any kind that Pillow reads, as bytes of the size and channels that a dataset has."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from modrobust.errors import UserError

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Decoder:
    """What becomes of images on their way into a dataset.

    Attributes:
        size: height and width in pixels: an image is resized until it covers them (bilinear, antialiased, by
            torchvision) and cropped at its centre. None: it stays as it is.
        grey: one channel in place of three.
        background: red, green and blue, 0..255, behind images that are transparent.
    """

    size: tuple[int, int] | None = None
    grey: bool = False
    background: tuple[int, int, int] = (255, 255, 255)

    def __call__(self, image: Image.Image, name: str) -> Pixels:
        """uint8 (1 or 3, H, W) of an image, of an animation its first frame, upright as its EXIF data says.

        16 bits of grey become 8 by division by 257; of colours Pillow takes the upper 8.

        Raises:
            UserError: it is cut off or damaged, or its values have no known range; `name` is part of the message.
        """
        try:
            image = _opaque(_eight_bits(ImageOps.exif_transpose(image)), self.background)
            image = image.convert("L" if self.grey else "RGB")
        except Exception as error:  # decoders raise all kinds
            raise UserError(f"{name} is not a whole image: {type(error).__name__}: {error}") from error
        pixels = np.asarray(image if self.size is None else _covering(image, *self.size))
        return pixels[None] if self.grey else pixels.transpose(2, 0, 1)


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("its values are floating-point numbers, whose range is not known")
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise ValueError("its values have 32 bits, whose range is not known")
    return Image.fromarray((values / 257 + 0.5).astype(np.uint8))


def _opaque(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    if not image.has_transparency_data:
        return image
    behind = Image.new("RGBA", image.size, (*background, 255))
    behind.alpha_composite(image.convert("RGBA"))
    return behind


def _covering(image: Image.Image, height: int, width: int) -> Image.Image:
    """Resized to cover a size, the rest at both sides cropped."""
    from torchvision.transforms.functional import center_crop, resize

    if image.size == (width, height):
        return image
    by_width = image.height * width >= image.width * height
    scale = width / image.width if by_width else height / image.height
    covering = [height, width]
    covering[not by_width] = max(covering[not by_width], int((image.height, image.width)[not by_width] * scale))
    cropped: Image.Image = center_crop(resize(image, covering), [height, width])
    return cropped
