"""What names a folder of a user's own data in a configuration: its own name, and its content. Imports no torch."""

import hashlib
import os
import re
from pathlib import Path

from omegaconf import OmegaConf


def folder_name(path: str | None, otherwise: str) -> str:
    """The last part of a path, as a dataset can be called."""
    last = re.split(r"[/\\]", str(path or "").rstrip("/\\"))[-1]
    return re.sub(r"[^\w.-]+", "_", last).strip("_.-") or otherwise


def folder_content(path: str | None) -> str | None:
    """Ten hexadecimal digits that change with the names and sizes of the files of a folder, hidden ones left out.

    Of a single file with its size; None where there is neither.
    """
    place = Path(str(path or "")).expanduser()
    if not path or not place.exists():
        return None
    digest = hashlib.sha256(b"" if place.is_dir() else str(place.stat().st_size).encode())
    for folder, folders, files in os.walk(place, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            file = Path(folder, name)
            size = file.stat().st_size if file.exists() else -1  # a link to nothing
            digest.update(f"{file.relative_to(place).as_posix()} {size}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:10]


OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)
OmegaConf.register_new_resolver("folder_content", folder_content, replace=True, use_cache=True)
