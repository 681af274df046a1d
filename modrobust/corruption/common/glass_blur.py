"""Glass blur: pixels take the values of others nearby."""

import torch
from torch import Tensor

from modrobust.corruption.common.banded import blurred
from modrobust.corruption.common.table import parameters
from modrobust.corruption.corruption import quantize
from modrobust.corruption.draw import Draw
from modrobust.corruption.parts import in_parts

GLASS = {  # standard deviation of the blur before and after; largest offset; sweeps
    224: ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    32: ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
}


@in_parts
def glass_blur(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Blur, truncate to whole numbers, let pixels take others' values, blur. Contract: `modrobust.corruption.common`.

    As in the published code a pixel takes the value of the other, which keeps its own.
    """
    (sigma, offset, sweeps), scale = parameters(GLASS, images, severity, table)
    height, width = images.shape[-2:]
    pixels = quantize(blurred(images, sigma * scale))
    for _ in range(sweeps):
        source = _sources(draw, height, width, max(1, round(offset * scale)))
        pixels = pixels.flatten(2).gather(2, source[:, None].expand(-1, images.shape[1], -1)).view_as(pixels)
    return blurred(pixels.float(), sigma * scale)


def _sources(draw: Draw, height: int, width: int, offset: int) -> Tensor:
    """Whose value each pixel has after a sweep from the bottom right to the top left: int64 (B, H * W).

    A pixel takes the value of the one at its random offset. If that was reached before, it has another's by now:
    the value comes from the end of the chain of those.
    """
    rows, columns = height - 2 * offset, width - 2 * offset  # the sweep leaves out offset + 1 ... to the borders
    place = torch.arange(height * width, device=draw.index.device)
    if rows <= 0 or columns <= 0:
        return place.expand(len(draw.index), -1)
    swept = place.view(height, width)[offset + 1 : height - offset + 1, offset + 1 : width - offset + 1]
    two = draw.bits(*swept.shape).view(torch.int16).view(-1, *swept.shape, 2).to(torch.int32)
    down, right = two.add_(2**15).mul_(2 * offset).bitwise_right_shift_(16).sub_(offset).unbind(-1)
    taken = swept + (down * width + right)
    earlier = torch.full((height, width), False, device=place.device)
    earlier[offset + 1 : height - offset + 1, offset + 1 : width - offset + 1] = True
    follows = (taken > swept) & earlier.flatten()[taken]
    # next: where the chain goes on, or the pixel itself at its end.
    onward = place.repeat(len(draw.index), 1)
    onward.view(-1, height, width)[:, offset + 1 : height - offset + 1, offset + 1 : width - offset + 1] = torch.where(
        follows, taken, swept
    )
    for _ in range((height * width).bit_length()):  # each doubles the steps: enough for the longest chain
        before, onward = onward, onward.gather(1, onward)
        if not onward.is_cuda and torch.equal(before, onward):  # a GPU would be waited for
            break
    first = place.repeat(len(draw.index), 1)
    first.view(-1, height, width)[:, offset + 1 : height - offset + 1, offset + 1 : width - offset + 1] = taken
    return first.gather(1, onward)
