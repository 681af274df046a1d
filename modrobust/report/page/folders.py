"""What the page tells of a run: its configuration, state, the end of its log, the images it was tested on."""

import base64
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from modrobust.evaluation.examples import find_examples
from modrobust.store.files import read_json

LOG_LINES = 20
LOG_BYTES = 6000  # thousands of runs share a page
STATUS = (
    *("state", "attempt", "started", "seconds", "error", "host", "slurm_job_id"),
    *("git_commit", "git_dirty", "modrobust", "python", "torch", "cuda", "device_name", "num_classes"),
)


class Examples:
    """Pictures of example images, each once, whichever runs it belongs to.

    Attributes:
        pictures: of each compositions, index, targets, tile (see `write_examples`), and uri, the picture itself.
    """

    def __init__(self) -> None:
        self.pictures: list[dict[str, Any]] = []
        self._known: dict[Path, int | None] = {}
        self._content: dict[bytes, int] = {}

    def of(self, run: Path, config: dict[str, Any]) -> int | None:
        """The place among `pictures` of a run's images; None where there are none."""
        path = find_examples(run, config)
        if path is None:
            return None
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: Path) -> int | None:
        description = read_json(path.with_suffix(".json"))
        if description is None or not path.exists():
            return None
        picture = path.read_bytes()
        if picture not in self._content:
            self._content[picture] = len(self.pictures)
            uri = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
            self.pictures.append({**description, "uri": uri})
        return self._content[picture]


def about(runs: Sequence[Path], page: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Runs as the page tells them, and the pictures of their images. What a folder lacks is missing here, too.

    Args:
        runs: their folders.
        page: the page's folder.

    Returns:
        Of each run name, link (from the page to the folder, where both are on one drive), config (text), status, log
        (its last lines), examples (place among the pictures, or None), num_classes; and `Examples.pictures`.
    """
    with ThreadPoolExecutor(16) as pool:  # a network's file system answers slowly but in parallel
        files = pool.map(lambda run: (_text(run / "config.yaml"), _tail(run / "run.log"), _status(run)), runs)
        read = list(files)
    examples, told = Examples(), []
    for run, (text, log, status) in zip(runs, read, strict=True):
        config = _config(text) if "num_classes" in text else {}  # others have no images; parsing takes a millisecond
        classes = (config.get("dataset") or {}).get("num_classes") or status.get("num_classes")
        one = {"name": run.as_posix(), "link": _link(run, page), "config": text, "status": status, "log": log}
        told.append({**one, "examples": examples.of(run, config), "num_classes": classes})
    return told, examples.pictures


def _link(run: Path, page: Path) -> str:
    try:
        return Path(os.path.relpath(run, page)).as_posix()
    except ValueError:  # another drive
        return run.absolute().as_uri()


def _status(run: Path) -> dict[str, Any]:
    try:
        status = read_json(run / "status.json") or {}
    except OSError:  # said with the tables
        status = {}
    status["num_classes"] = (status.get("data") or {}).get("num_classes")
    return {key: status[key] for key in STATUS if status.get(key) is not None}


def _config(text: str) -> dict[str, Any]:
    """The fast loader where PyYAML has it: OmegaConf's takes 20 s for 2,000 runs. What is written is resolved."""
    try:
        content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _tail(path: Path) -> str:
    """The last lines of a file, not the whole of which is read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOG_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[1 if size > LOG_BYTES else 0 :][-LOG_LINES:])
