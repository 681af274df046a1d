"""Which folders below another are runs, and what their status is. Folders behind symbolic links count, each once."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from modrobust.store.files import read_json

Refused = Callable[[OSError], None]
"""Is told of a folder that cannot be listed."""


def status_of(run: Path) -> dict[str, Any]:
    """What a run's status.json says; nothing where it says done and there is no configuration: it was removed."""
    status = read_json(run / "status.json") or {}
    return {} if status.get("state") == "done" and not (run / "config.yaml").exists() else status


def runs_below(folder: Path, refused: Refused | None = None) -> Iterator[tuple[Path, list[str]]]:
    """Runs in or below a folder; parts, and of an output folder tasks and images, are none.

    Nothing inside a run, a part or a search is looked at: runs may hold thousands of files of features.

    Yields:
        A run's folder, and the names of its shares (``shard-2of8``), mostly none.
    """
    for place, folders, files in walk(folder, refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if "runs" in folders:  # an output folder; parts, tasks and a hundred thousand exported images are beside them
            folders[:] = ["runs"]
        passed_over = not {"depends.json", "search.json"}.isdisjoint(files)  # a part, the workers of a search
        shares = [name for name in folders if name.startswith("shard-")]
        if passed_over or shares or not {"results.csv", "config.yaml", "status.json"}.isdisjoint(files):
            folders.clear()
            if not passed_over:
                yield place, shares


def walk(folder: Path, refused: Refused | None = None) -> Iterator[tuple[Path, list[str], list[str]]]:
    """As os.walk, which can be told where not to go; links are followed last, so that a folder has its own name."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        for text, folders, files in os.walk(waiting.pop(0), onerror=refused):
            place = Path(text)
            here = place.stat()
            if (here.st_dev, here.st_ino) in seen:  # reached by two ways, or a link to a folder above
                folders.clear()
                continue
            seen.add((here.st_dev, here.st_ino))
            yield place, folders, files
            waiting += [place / name for name in folders if (place / name).is_symlink()]
