"""Figures are drawn by processes of their own, beside what else a report does: they are half of its work."""

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

PROCESSES = 2  # three with the report itself, which draws none: the two cores of a small machine are busy to the end
_pool: ProcessPoolExecutor | None = None
_begun: list[Future[list[Path]]] = []


def draw(stem: Path, figure: Callable[..., Figure], *arguments: Any) -> list[Path]:
    """Write the figure that a function makes as <stem>.pdf and .png; within `beside` another process does, meanwhile.

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
    _begun.append(_pool.submit(_written, stem, figure, arguments))
    return [stem.with_name(f"{stem.name}.{kind}") for kind in ("pdf", "png")]


def finish() -> None:
    """Wait for the figures that are being drawn; raises what `draw` would have raised."""
    while _begun:
        _begun.pop(0).result()


@contextmanager
def beside() -> Iterator[None]:
    """Within this block figures are drawn by other processes.

    They are forks, which begin at once and obey the same signals, and must be made while this process has no threads,
    that is before it imports numpy; later, as in a notebook, figures are drawn one after the other.

    Raises:
        UserError: one of them was killed.
    """
    global _pool
    if "numpy" in sys.modules:
        yield
        return
    _pool = ProcessPoolExecutor(PROCESSES, get_context("fork"), _prepare)
    try:
        _pool.submit(int)  # or they would start with the first figure only
        yield
    except BrokenProcessPool:
        reason = "a process that draws figures was killed, perhaps for lack of memory: some figures are missing."
        raise UserError(reason) from None
    finally:
        _pool.shutdown(cancel_futures=True)
        _pool = None
        _begun.clear()


def _prepare() -> None:
    end_with_parent()
    import_module("modrobust.report.figures.write")  # takes a second, in which the report reads


def _written(stem: Path, figure: Callable[..., Figure], arguments: tuple[Any, ...]) -> list[Path]:
    from modrobust.report.figures.look import save

    return list(save(figure(*arguments), stem))
