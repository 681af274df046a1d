"""Image to image: convolutions, then their mirror image in transposed convolutions."""

from collections.abc import Sequence

from torch import nn

from modrobust.dataset.splits import height_width

PADDING = 2  # of every convolution, also the 3x3 ones: published so


def encoder_decoder(
    image_size: int | Sequence[int],
    channels: Sequence[int],
    strides: Sequence[int],
    kernel_size: int,
    dropout: Sequence[float] | None = None,
    bounded: bool = False,
) -> nn.Sequential:
    """A network of two parts, ``encoder`` and ``decoder``, from (N, 3, H, W) to the same shape, float32.

    The autoencoders of ImgSpace and the modules of level 0 (Mason et al., arXiv 2306.09005, published
    code). Between two convolutions stand batch normalisation, or dropout of whole channels, and ReLU.

    Args:
        image_size: H and W in pixels, or one number for both; output padding makes the decoder return to it, odd or
            even.
        channels: output channels of each of the encoder's convolutions.
        strides: their strides.
        kernel_size: height and width of all kernels.
        dropout: rate after each of the encoder's convolutions, in place of batch normalisation. The
            decoder mirrors it without the first, as no dropout follows the last convolution.
        bounded: whether a Tanh keeps the output in -1..1.
    """
    ends = [3, *channels]
    encoder: list[nn.Module] = []
    decoder: list[nn.Module] = [nn.Tanh()] if bounded else []  # filled from its end
    size = height_width(image_size)
    for i, stride in enumerate(strides):
        narrow, wide = ends[i : i + 2]
        encoder += [
            nn.Conv2d(narrow, wide, kernel_size, stride, PADDING),
            _between(wide, i, dropout),
            nn.ReLU(),
        ]
        if i > 0:
            decoder = [_between(narrow, i, dropout), nn.ReLU(), *decoder]
        # Rows and columns that the strided convolution leaves over and the transposed one has to add.
        (height, rows), (width, columns) = (divmod(side + 2 * PADDING - kernel_size, stride) for side in size)
        size = (height + 1, width + 1)
        decoder.insert(0, nn.ConvTranspose2d(wide, narrow, kernel_size, stride, PADDING, (rows, columns)))
    parts = nn.Sequential()
    parts.add_module("encoder", nn.Sequential(*encoder))
    parts.add_module("decoder", nn.Sequential(*decoder))
    return parts


def _between(channels: int, i: int, dropout: Sequence[float] | None) -> nn.Module:
    return nn.BatchNorm2d(channels) if dropout is None else nn.Dropout2d(dropout[i])
