"""Figures are drawn by a process of their own, beside what else a report does: they are half of its work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modrobust.errors import UserError
from modrobust.interrupt import end_with_parent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawn = tuple[Path, "Callable[..., Figure]", tuple[Any, ...]]
"""(stem, figure, its arguments), see `draw`"""

_pool: ProcessPoolExecutor | None = None
_left: list[tuple[Drawn, Future[list[Path]]]] = []


def draw(stem: Path, figure: Callable[..., Figure], *arguments: Any) -> list[Path]:
    """Write the figure that a function makes as <stem>.pdf and .png; within `beside` another process does so.

    Args:
        stem: of the files.
        figure: a function at the top of a module.
        arguments: of the function.

    Returns:
        The files' paths.

    Raises:
        UserError: the disk is full or the folder read-only; within `beside` it is `finish` that tells it.
    """
    if _pool is None:
        return _written(stem, figure, arguments)
    what = (stem, figure, arguments)
    _left.append((what, _pool.submit(_written, *what)))
    return [stem.with_name(f"{stem.name}.{kind}") for kind in ("pdf", "png")]


def finish() -> None:
    """Draw the figures that are left, from the last one on, until both processes meet; raises what `draw` would."""
    while _left:
        what, future = _left.pop()
        if future.cancel():  # it has not been begun
            _written(*what)
        else:
            future.result()


@contextmanager
def beside() -> Iterator[None]:
    """Within this block figures are drawn by another process.

    It is a fork, which begins at once and obeys the same signals, and must be made while this process has no threads,
    that is before it imports numpy; later, as in a notebook, figures are drawn where `draw` is called.

    Raises:
        UserError: it was killed.
    """
    global _pool
    if "numpy" in sys.modules:
        yield
        return
    _pool = ProcessPoolExecutor(1, get_context("fork"), _prepare)
    try:
        _pool.submit(int)  # or it would begin with the first figure only
        yield
    except BrokenProcessPool:
        reason = "the process that draws figures was killed, perhaps for lack of memory: some figures are missing."
        raise UserError(reason) from None
    finally:
        _pool.shutdown(cancel_futures=True)
        _pool = None
        _left.clear()


def _prepare() -> None:
    end_with_parent()
    import_module("modrobust.report.figures.write")  # takes a second, in which the report reads results


def _written(stem: Path, figure: Callable[..., Figure], arguments: tuple[Any, ...]) -> list[Path]:
    from modrobust.report.figures.look import save

    return list(save(figure(*arguments), stem))
