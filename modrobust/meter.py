"""What a run takes: images a second, peak memory; recorded in its status and shown at its end."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from modrobust.dataset.normalise import COUNT


class Meter:
    """Measures stretches of a run. An attempt that was resumed tells of itself alone.

    Attributes:
        found: `<what>_images_per_second` of stretches in which images went through networks, and `peak_memory_mb`
            (of the process; of the GPU as `peak_device_memory_mb`), 10^6 bytes.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.found: dict[str, float] = {}

    @contextmanager
    def stretch(self, what: str) -> Iterator[None]:
        """Measure what is done within."""
        images, begun = COUNT["images"], time.monotonic()
        yield
        images, seconds = COUNT["images"] - images, time.monotonic() - begun
        if images and seconds:
            self.found[f"{what}_images_per_second"] = round(images / seconds, 1)
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.found["peak_memory_mb"] = round(kilobytes / (1e6 if sys.platform == "darwin" else 1e3) * 1.024)
        if self.device.type == "cuda":
            self.found["peak_device_memory_mb"] = round(torch.cuda.max_memory_allocated(self.device) / 1e6)
