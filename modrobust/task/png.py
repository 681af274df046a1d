"""PNG files, written and checked by worker processes. Imports no torch: a process starts at once."""

import hashlib
import signal
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from modrobust.interrupt import end_with_parent


def write_images(folder: Path, names: Sequence[str], images: NDArray[np.uint8]) -> list[str]:
    """Write PNG files, each under a temporary name first, into folders that exist.

    Args:
        folder: that the names are relative to.
        names: of the files.
        images: (N, C, H, W), C = 1 for grey, 3 for red, green and blue.

    Returns:
        The SHA-256 of each file, hexadecimal.
    """
    digests = []
    for name, image in zip(names, images, strict=True):
        content = cv2.imencode(".png", image[::-1].transpose(1, 2, 0))[1].tobytes()  # blue first
        path = folder / name
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(content)  # not flushed to disk one by one: the manifest tells what a power cut spoilt
        temporary.replace(path)
        digests.append(hashlib.sha256(content).hexdigest())
    return digests


def start_worker() -> None:
    """Leave signals of the terminal to the parent, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    end_with_parent()
