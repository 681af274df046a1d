"""What the page tells of a run: its configuration, state, the end of its log, the images it was tested on."""

import base64
import os
from pathlib import Path
from typing import Any

import yaml

from modrobust.examples import examples_path
from modrobust.files import read_json

LOG_LINES = 20
LOG_BYTES = 6000  # thousands of runs share a page
STATUS = (
    *("state", "attempt", "started", "seconds", "error", "host", "slurm_job_id"),
    *("git_commit", "git_dirty", "python"),
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
        try:
            below = examples_path(Path(), config)
        except (KeyError, TypeError, AttributeError):  # not a configuration of images
            return None
        found = (folder / below for folder in run.absolute().parents)
        path = next((file for file in found if file.with_suffix(".json").exists()), None)
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


def about(run: Path, page: Path, examples: Examples) -> dict[str, Any]:
    """A run as the page tells it. What is missing in its folder is missing here, too.

    Args:
        run: its folder.
        page: the page's folder.
        examples: takes up the run's images.

    Returns:
        name, link (from the page to the folder, where both are on one drive), config (text), status, log (its last
        lines), examples (number, or None), num_classes.
    """
    text = _text(run / "config.yaml")
    config = _config(text)
    status = read_json(run / "status.json") or {}
    try:
        link = Path(os.path.relpath(run, page)).as_posix()
    except ValueError:  # another drive
        link = run.absolute().as_uri()
    return {
        "name": run.as_posix(),
        "link": link,
        "config": text,
        "status": {key: status[key] for key in STATUS if status.get(key) is not None},
        "log": _tail(run / "run.log"),
        "examples": examples.of(run, config),
        "num_classes": (config.get("dataset") or {}).get("num_classes"),
    }


def _config(text: str) -> dict[str, Any]:
    """The fast loader where PyYAML has it: OmegaConf's takes 20 s for 2,000 runs. What is written is resolved."""
    try:
        content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
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
