"""How figures look: told apart in print and without colour vision, sized for a page; their files are undated."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from modrobust.store.files import write_atomically

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")  # Okabe and Ito's
SEQUENTIAL = "viridis"  # from bad to good; heat.js has its colours
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = "os^Dv<>"
HATCHES = ("", "/////", "....", "xxxx", "\\\\\\\\\\", "++++", "||||", "----")
PAGE = 7.0  # width of a page's text, inches
SMALLEST = 6  # points: nothing smaller is read in print
LOOK: dict[Any, Any] = {
    **{"font.size": 8, "axes.titlesize": 8, "axes.spines.top": False, "axes.spines.right": False},
    **{"lines.linewidth": 1.4, "axes.linewidth": 0.7, "pdf.fonttype": 42, "savefig.dpi": 200, "lines.markersize": 4},
    **{"hatch.linewidth": 0.5},
}


def look(i: int) -> dict[str, Any]:
    """Colour, dashes and marker of the i-th line."""
    return {
        "color": COLOURS[i % len(COLOURS)],
        "linestyle": DASHES[i % len(DASHES)],
        "marker": MARKERS[i % len(MARKERS)],
    }


def save(figure: Figure, stem: Path) -> Iterator[Path]:
    """Write <stem>.pdf and <stem>.png, atomically, and yield their paths; equal figures, equal bytes.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    undated = {"pdf": {"CreationDate": None}, "png": {"Software": None}}
    with rc_context(LOOK):
        if figure.get_layout_engine() is not None:  # laid out once, in place of twice for each kind
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        for kind, metadata in undated.items():
            path = stem.with_name(f"{stem.name}.{kind}")
            write_atomically(path, partial(figure.savefig, format=kind, metadata=metadata))
            yield path


def inches(text: str, points: float) -> float:
    """About how wide a text is. DejaVu Sans' capitals are .7 of their size, its small letters less."""
    return max(len(line) for line in text.split("\n")) * 0.63 * points / 72
