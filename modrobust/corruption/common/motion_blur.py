"""Motion blur: along a line at a random angle."""

from torch import Tensor

from modrobust.corruption.common.lines import moved
from modrobust.corruption.common.parts import each
from modrobust.corruption.common.table import parameters
from modrobust.corruption.draw import Draw

MOTION = {  # radius of the line and standard deviation along it, in pixels
    224: ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    32: ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
}
ANGLES = (-45.0, 45.0)  # degrees


def motion_blur(images: Tensor, draw: Draw, severity: int = 3, table: int | None = None) -> Tensor:
    """Blur along a line, one-sided (as ImageMagick). Contract: see `modrobust.corruption.common`."""
    (radius, sigma), scale = parameters(MOTION, images, severity, table)
    low, high = ANGLES
    angles = draw.uniform(1).mul_(high - low).add_(low).flatten().tolist()
    return each(lambda planes, angle: moved(planes, radius * scale, sigma * scale, angle), images, angles)
