"""Photos decoded once into a memory-mapped file that all runs on a machine share."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from modrobust.errors import UserError
from modrobust.progress import bar
from modrobust.store.files import write_atomically
from modrobust.store.lock import Lock


def cached_images(cache: Path, name: str, files: Sequence[Path], size: tuple[int, int]) -> Tensor:
    """Decoded photos, memory-mapped from `<cache>/<name>-<fingerprint>.npy`, which is written if need be.

    The fingerprint covers the files' names, order, sizes and times of change; caches with another one are
    removed. One run writes, others wait for it. The map is copy-on-write: nothing done to the tensor
    reaches the file.

    Args:
        cache: folder to keep the file in.
        name: start of the file's name.
        files: the photos, in the order wanted.
        size: height and width in pixels; a photo of one more is cropped at the right or bottom.

    Returns:
        uint8 (N, 3, *size), RGB.

    Raises:
        UserError: a photo is damaged or has another size, or the cache can't be written or read.
    """
    path = cache / f"{name}-{fingerprint(files, size)}.npy"
    if not path.exists():
        try:
            cache.mkdir(exist_ok=True)
            with Lock(cache / f".{name}.lock"):
                if not path.exists():
                    for stale in (*cache.glob(f"{name}-*.npy"), *cache.glob(f".{name}-*.tmp")):
                        stale.unlink()
                    write_atomically(path, lambda out: write(out, files, size))
        except OSError as error:
            needed = len(files) * 3 * size[0] * size[1] / 1e9
            raise UserError(
                f"{cache} can't be written ({error.strerror or error}): the decoded photos are kept there"
                f" and need {needed:.2g} GB"
            ) from error
    try:
        return torch.from_numpy(np.load(path, mmap_mode="c"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it, and it will be made again") from error


def fingerprint(files: Sequence[Path], size: tuple[int, int]) -> str:
    """16 hexadecimal digits that change with the files, their order or the size in pixels."""
    digest = hashlib.sha256(str(size).encode())
    for file in files:
        stat = file.stat()
        digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def write(out: BinaryIO, files: Sequence[Path], size: tuple[int, int]) -> None:
    """Decode the photos into an .npy file.

    It is written, not mapped: on a full disk a write raises where a map would kill the process.
    """
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(files), 3, *size)}
    np.lib.format.write_array_header_1_0(out, header)
    with bar("decoding photos", len(files)) as shown:
        for file in files:
            out.write(decode(file, size).tobytes())
            shown.advance()
            shown.say()


def decode(file: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """One photo as uint8 (3, *size), RGB; see `cached_images` for the sizes allowed."""
    height, width = size
    try:
        with Image.open(file) as image:
            if image.height - height not in (0, 1) or image.width - width not in (0, 1):
                raise UserError(
                    f"{file} has {image.width}x{image.height} pixels: allowed are {width}x{height}, and one more"
                    " on a side, which is cropped"
                )
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{file} is not a whole image: {error}") from error
    return pixels[:height, :width].transpose(2, 0, 1)
