"""What people see of long work: a bar on a terminal, now and then a line in a log file."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0


class Bar:
    """Progress of one piece of work: `advance` it, `say` what there is to know."""

    def __init__(self, label: str, total: int, progress: Progress | None) -> None:
        self._label, self._total, self._done = label, total, 0
        self._progress = progress
        self._task = progress.add_task(label, total=total, said="") if progress else None
        self._last_line = time.monotonic()

    def advance(self, steps: int = 1) -> None:
        """So many more steps are done."""
        self._done += steps
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=self._done)

    def say(self, text: str) -> None:
        """Show the state beside the bar; off a terminal log it at most every SECONDS_BETWEEN_LINES, and at last."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, said=text)
        elif self._done >= self._total or time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            log.info("%s %d/%d %s", self._label, self._done, self._total, text)


@contextmanager
def bar(label: str, total: int, done: int = 0) -> Iterator[Bar]:
    """A bar of `total` steps, of which some may be done from an earlier attempt."""
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[said]}"),
        )
        with Progress(*columns, console=Console(stderr=True)) as progress:
            shown = Bar(label, total, progress)
            shown.advance(done)
            yield shown
    else:
        shown = Bar(label, total, None)
        shown.advance(done)
        yield shown
