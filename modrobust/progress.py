"""What people see of long work: a bar on a terminal; in a log now and then a line, the same with a terminal or not."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from rich.console import Console
from rich.progress import Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0
LOG_ONLY = {"log_only": True}
"""Marks records that a terminal does not show, such as those that its bar has; see `modrobust.terminal.console`."""


def duration(seconds: float) -> str:
    """A time as people say it, such as 90 s, 5 min, 3 h, 2 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


class Bar:
    """Progress of one piece of work: `advance` it, `say` what there is to know."""

    def __init__(self, label: str, total: int, done: int, progress: Progress | None) -> None:
        self._label, self._total, self._done = label, total, done
        self._progress = progress
        self._task = progress.add_task(label, total=total, completed=done, said=()) if progress else None
        self._last_line = time.monotonic()

    def advance(self, steps: int = 1) -> None:
        """So many more steps are done."""
        self._done += steps
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=self._done)

    def say(self, *said: str) -> None:
        """Show the state beside the bar, as much as fits; log it at most every SECONDS_BETWEEN_LINES, and at last.

        Args:
            said: what belongs together, such as a name and its number, is one piece; the most important comes first.
        """
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, said=said)
        if self._done >= self._total or time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            extra = LOG_ONLY if self._progress is not None else None
            log.info("%s", " ".join((self._label, f"{self._done}/{self._total}", *said)), extra=extra)


@contextmanager
def bar(label: str, total: int, done: int = 0) -> Iterator[Bar]:
    """A bar of `total` steps, of which some may be done from an earlier attempt."""
    with on_terminal() as progress:
        yield Bar(label, total, done, progress)


@contextmanager
def on_terminal(time_left: bool = True) -> Iterator[Progress | None]:
    """Within this block a terminal shows the bars that are added; None where there is none that can.

    Their field `said` is a sequence of texts.

    Args:
        time_left: whether it is shown; False where it is among what is said.
    """
    console = Console(stderr=True)
    terminal = sys.stderr and sys.stderr.isatty() and console.is_interactive  # TERM=dumb is not interactive
    notebook = console.is_jupyter and find_spec("ipywidgets")  # which rich draws with there
    if not (terminal or notebook):
        yield None
        return
    with Progress(Line(console, time_left), console=console) as progress:
        yield progress


class Line(ProgressColumn):
    """Label, bar, count and time left, however narrow the terminal is, and behind them what else fits."""

    def __init__(self, console: Console, time_left: bool) -> None:
        super().__init__()
        self._console, self._time = console, TimeRemainingColumn() if time_left else None

    def render(self, task: Task) -> Table:
        """Of one bar, for the width that the terminal has now."""
        total = int(task.total or 0)
        fixed = [f"{int(task.completed)}/{total}"]
        if self._time is not None:
            fixed.append(self._time.render(task).plain)
        width = self._console.width - 1
        length = min(24, max(4, width // 5))
        room = width - length - sum(map(len, fixed)) - len(fixed) - 1  # gaps
        label = Text(task.description)
        label.truncate(max(1, room), overflow="ellipsis")
        room -= label.cell_len
        said = ""
        for text in task.fields["said"]:
            if len(said) + 1 + len(text) > room:
                break
            said += f" {text}"
        grid = Table.grid(padding=(0, 1, 0, 0))
        for cells in (label.cell_len, length, *map(len, fixed), len(said)):
            grid.add_column(width=cells, no_wrap=True)
        shown = ProgressBar(total or None, task.completed, width=length)
        grid.add_row(label, shown, *(Text(text) for text in (*fixed, said[1:])))
        return grid
