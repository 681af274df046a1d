"""report.html: one self-contained page over runs, to be opened from disk.

Plain JavaScript, SVG and canvas, in place of a plotting library: the bundles of those (plotly's, say) are megabytes in
every page, and their points can neither be reached by keyboard nor be read by a screen reader.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pandas as pd

from modrobust.report.page.payload import payload
from modrobust.report.read.groups import Group
from modrobust.store.files import write_text

SCRIPTS = (
    *("data", "statistics", "state", "say", "examples", "summary", "table"),
    *("marks", "boxes", "heat", "dialog", "chart", "structured", "main"),
)
"""One script after the other: an inlined module could not import another."""


def write_page(rows: pd.DataFrame, bits: Sequence[Group], folder: Path) -> list[Path]:
    """Write folder/report.html.

    Args:
        rows: of images (see `images.rows_of`), or without rows.
        bits: groups of structured data (see `groups.groups`).
        folder: created where it is not there.

    Returns:
        The page's path.

    Raises:
        UserError: the file cannot be written.
    """
    path = folder / "report.html"
    write_text(path, _html(payload(rows, bits, folder)))
    return [path]


def _html(data: dict[str, str]) -> str:
    """The template with style, script and data inlined; the policy allows these and nothing else, no network at all."""
    source = {name: (files(__name__) / name).read_text(encoding="utf-8") for name in ("template.html", "page.css")}
    script = "'use strict';\n" + "\n".join(
        (files(__name__) / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS
    )
    style = source["page.css"]
    policy = f"default-src 'none'; img-src data:; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'"
    parts = {**data, "policy": policy, "style": style, "script": script}
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _source("template.html"))


def _source(name: str) -> str:
    return (files(__name__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
