"""Which files of a folder are images, and of which class and split."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from modrobust.errors import UserError

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""How people call the folders of splits."""
STUBS = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"}
"""Formats that Pillow knows but does not decode by itself."""


@dataclass
class Files:
    """The images of a folder.

    Attributes:
        folder: where they are.
        splits: split, or train where there are none -> class -> files, sorted.
        hidden, foreign: how many other files there were.
        example: a foreign one.
    """

    folder: Path
    splits: dict[str, dict[str, list[Path]]] = field(default_factory=dict)
    hidden: int = 0
    foreign: int = 0
    example: str = ""


def find_images(folder: Path) -> Files:
    """The images in subfolders named as their classes, which may lie in folders named as splits (see SPLITS).

    A class's folder may have folders of its own. Files and folders whose names start with a dot, and what Mac OS packs
    (__MACOSX), are hidden; files in no class's folder, or of no ending that Pillow reads, are foreign.

    Raises:
        UserError: the folder can't be read, holds no images in subfolders, or splits and classes beside each other.
    """
    found, images = Files(folder), []
    endings = _endings()
    for place, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        hidden = [name for name in folders if name.startswith((".", "__MACOSX"))]
        folders[:] = sorted({*folders} - {*hidden})
        found.hidden += len(hidden)
        for name in sorted(files):
            path = Path(place, name).relative_to(folder)
            if name.startswith("."):
                found.hidden += 1
            elif path.suffix.lower() not in endings or len(path.parts) < 2:
                found.foreign += 1
                found.example = found.example or str(path)
            else:
                images.append(path)
    if not images:
        raise UserError(_none(found))
    tops = {path.parts[0] for path in images}
    splits = _splits(folder, tops, {path.parts[0] for path in images if len(path.parts) > 2})
    for path in images:
        if splits and len(path.parts) == 2:  # beside the classes' folders
            found.foreign += 1
            continue
        split, label = (SPLITS[path.parts[0].lower()], path.parts[1]) if splits else ("train", path.parts[0])
        found.splits.setdefault(split, {}).setdefault(label, []).append(path)
    return found


def _splits(folder: Path, tops: set[str], deep: set[str]) -> set[str]:
    """Which of a folder's own folders stand for splits; none where one for training is not among them.

    Args:
        folder: for messages.
        tops: its folders.
        deep: those that have folders of their own. Without, one may be a class called train.
    """
    splits = {top for top in tops if top.lower() in SPLITS}
    if not any(SPLITS[top.lower()] == "train" for top in splits & deep):
        return set()
    if others := sorted(tops - splits):
        raise UserError(
            f"{folder} holds folders of splits ({', '.join(sorted(splits))}) and others beside them"
            f" ({', '.join(others[:5])}): give one or the other"
        )
    return splits


def classes_of(found: Files) -> Sequence[str]:
    """The names of the classes, sorted. Raises UserError where one of valid or test has no images in train."""
    classes = sorted(found.splits["train"])
    for split, by_class in found.splits.items():
        if unknown := sorted({*by_class} - {*classes}):
            raise UserError(f"{found.folder}: class {unknown[0]} of {split} has no images in train")
    return classes


def _endings() -> set[str]:
    endings = Image.registered_extensions()
    return {ending for ending, kind in endings.items() if kind in Image.OPEN and kind not in STUBS}


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename} can't be read: {error.strerror}") from error


def _none(found: Files) -> str:
    passed = f"{found.foreign} other files, such as {found.example}" if found.foreign else "no files at all"
    if found.foreign == 1:
        passed = f"one other file, {found.example}"
    return f"{found.folder} holds no images in folders of classes, such as cats/1.jpg, but {passed}"
