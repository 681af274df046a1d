"""Files that are whole or absent: written under a temporary name, flushed to disk, then renamed."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from modrobust.errors import UserError
from modrobust.interrupt import half_written
from modrobust.terminal.refusals import refusal


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the system refuses, such as a full or read-only disk, into one clear line.

    Raises:
        UserError: for every error of the system (see `modrobust.terminal.refusals`); nothing else.
    """
    try:
        yield
    except OSError as error:
        if line := refusal(error, path):
            raise UserError(line) from error
        raise


_HELD: dict[Path, tuple[int, int]] = {}


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Within this block nothing is written into a folder that was removed or moved, nor into a new one in its place."""
    status = folder.stat()
    _HELD[folder] = (status.st_dev, status.st_ino)
    try:
        yield
    finally:
        _HELD.pop(folder, None)


def require_held(path: Path) -> None:
    """Raise UserError where the folder of a `held` block around a path is gone."""
    for folder, before in _HELD.items():
        if not f"{path}/".startswith(f"{folder}/"):
            continue
        try:
            status = folder.stat()
        except FileNotFoundError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != before:
            raise UserError(
                f"{folder} was removed or moved while it was worked on: nothing more is written; "
                "the same command begins it again."
            )


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Make `path` hold what `write` writes, or leave it as it was.

    Raises:
        UserError: the disk is full or the folder read-only; the old file is untouched.
    """
    require_held(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with disk_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            half_written.add(str(temporary))
            with temporary.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        finally:
            half_written.discard(str(temporary))


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically (see `write_atomically`)."""
    write_atomically(path, lambda file: file.write(text.encode("utf-8", "surrogateescape")))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically (see `write_atomically`)."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_npz(path: Path, arrays: Mapping[str, Any], compressed: bool = True) -> None:
    """Write arrays as an npz file, atomically (see `write_atomically`)."""
    import numpy as np

    save: Callable[..., None] = np.savez_compressed if compressed else np.savez
    write_atomically(path, lambda file: save(file, **arrays))


def read_json(path: Path) -> dict[str, Any] | None:
    """What a JSON file holds, or None where it is absent or was cut off."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files that a killed process left. Only for the holder of the folder's lock."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)
