"""Images decoded once, in parallel, into a memory-mapped file that all runs on a machine share."""

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from modrobust.dataset.decode import Pixels
from modrobust.dataset.moments import moments
from modrobust.errors import UserError
from modrobust.progress import bar
from modrobust.store.files import write_atomically, write_npz
from modrobust.store.lock import Lock

log = logging.getLogger(__name__)

WAITING = 2**26  # bytes of decoded images that wait for their turn to be written


@dataclass(frozen=True)
class Decoded:
    """Images, and what is known of each.

    Attributes:
        images: uint8 (N, C, H, W), memory-mapped.
        digests: int64 (N,), equal where the pixels are.
        moments: int64 (N, 2, C), see `moments`.
    """

    images: Tensor
    digests: NDArray[np.int64]
    moments: NDArray[np.int64]


def cached_images(
    caches: Sequence[Path], name: str, stamp: str, names: Sequence[str], decode: Callable[[int], Pixels], how: str
) -> Decoded:
    """Decoded images, memory-mapped from `<name>-<stamp>-<order>.npy`, which is written if need be.

    One run writes, others wait for it. Files of another stamp are removed. The map is copy-on-write: nothing done to
    the tensor reaches the file.

    Args:
        caches: folders that may have the file; else it is written into the first that can be written.
        name: start of the file's name.
        stamp: changes with the images.
        names: what each is called, in the order wanted.
        decode: place -> uint8 (C, H, W), all of one shape; called in several threads.
        how: changes with what `decode` does.

    Raises:
        UserError: an image is damaged or has another size than the first, or the cache can't be written or read.
    """
    order = hashlib.sha256("\0".join([how, *names]).encode("utf-8", "surrogateescape")).hexdigest()[:10]
    cache = next((one for one in caches if (one / f"{name}-{stamp}-{order}.npy").exists()), None)
    cache = cache or next(filter(_writable, caches), caches[-1])
    path = cache / f"{name}-{stamp}-{order}.npy"
    if not path.exists():
        shape = decode(0).shape
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with Lock(cache / f".{name}.lock"):
                if not path.exists():
                    _remove_others(cache, name, stamp)
                    log.info("decoded images are kept in %s", path)
                    write_atomically(path, lambda out: write(out, path.with_suffix(".npz"), names, decode, shape))
        except OSError as error:
            needed = len(names) * int(np.prod(shape)) / 1e9
            raise UserError(
                f"{cache} can't be written ({error.strerror or error}): the decoded images are kept there"
                f" and need {needed:.2g} GB"
            ) from error
    try:
        with np.load(path.with_suffix(".npz")) as known:
            images = torch.from_numpy(np.load(path, mmap_mode="c"))
            return Decoded(images, known["digests"], known["moments"])
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it, and it will be made again") from error


def cache_folders(root: Path, below: str = "") -> list[Path]:
    """Where decoded images go: into `<paths.data>/cache`, else the user's folder for caches; or into folders there."""
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modrobust"
    return [cache / below for cache in (*([root / "cache"] if root.is_dir() else []), own)]


def _writable(folder: Path) -> bool:
    return os.access(next(place for place in (folder, *folder.parents) if place.exists()), os.W_OK)


def _remove_others(cache: Path, name: str, stamp: str) -> None:
    others = {*cache.glob(f"{name}-*.np[yz]")} - {*cache.glob(f"{name}-{stamp}-*")}
    for stale in (*others, *cache.glob(f".{name}-*.tmp")):
        stale.unlink()


def write(
    out: BinaryIO, beside: Path, names: Sequence[str], decode: Callable[[int], Pixels], shape: tuple[int, ...]
) -> None:
    """Decode the images into an .npy file, and what is known of each into an .npz beside it.

    It is written, not mapped: on a full disk a write raises where a map would kill the process.
    """
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(names), *shape)}
    np.lib.format.write_array_header_1_0(out, header)
    digests: list[int] = []
    sums = []
    with bar("decoding images", len(names)) as shown, ThreadPoolExecutor(_cores()) as pool:
        at_a_time = max(_cores(), WAITING // int(np.prod(shape)))
        for start in range(0, len(names), at_a_time):
            for pixels in pool.map(decode, range(start, min(start + at_a_time, len(names)))):
                if pixels.shape != shape:
                    raise UserError(_other_size(names[0], shape, names[len(digests)], pixels.shape))
                content = pixels.tobytes()
                out.write(content)
                digests.append(int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little", signed=True))
                sums.append(moments(pixels[None])[0])
                shown.advance()
                shown.say()
    write_npz(beside, {"digests": np.array(digests), "moments": np.stack(sums)})


def _other_size(first: str, shape: tuple[int, ...], other: str, found: tuple[int, ...]) -> str:
    smaller = min(*shape[1:], *found[1:])
    return (
        f"{other} has {found[2]}x{found[1]} pixels, and {first} {shape[2]}x{shape[1]}: set dataset.image_size to a size"
        f" for all, such as {smaller} or [height,width]"
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
