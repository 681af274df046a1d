"""Checksums by which parts notice that data has changed."""

import zlib

import numpy as np

from modrobust.dataset.corrupted import Corrupted
from modrobust.dataset.splits import Split

MOST = 64 << 20  # bytes that are read


def content_of(split: Split) -> dict[str, int]:
    """Checksums that tell whether a split's data changed; of at most 64 MB of its inputs, evenly spread."""
    inputs = split.inputs
    every = max(1, inputs.numel() * inputs.element_size() // MOST)
    return {
        "n": len(split),
        "inputs": zlib.crc32(inputs[::every].contiguous().numpy().tobytes()),
        "targets": zlib.crc32(split.targets.numpy().tobytes()),
        "index": zlib.crc32(split.index.numpy().tobytes()),
    }


def content_of_corrupted(corrupted: Corrupted) -> dict[str, int]:
    """The same of published corrupted images, by corruption; of each file its share of the 64 MB."""
    found = {"targets": zlib.crc32(corrupted.targets.numpy().tobytes())}
    for name, file in corrupted.files.items():
        images = np.load(file, mmap_mode="r")
        every = max(1, images.nbytes * len(corrupted.files) // MOST)
        found[name] = zlib.crc32(images[::every].tobytes())
    return found
