"""How a sweep is doing while one waits for it: a bar in a terminal, a line a minute elsewhere."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress

from modrobust.progress import duration, on_terminal
from modrobust.sweep.notify import Notify

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 60.0


class Tally:
    """Counts runs: `show` the numbers as often as you like, `note` what should not wait.

    Args:
        total: runs of the sweep.
        progress: the bar; None off a terminal.
        notify: is told, too.
    """

    def __init__(self, total: int, progress: Progress | None, notify: Notify | None = None) -> None:
        self._total, self._progress, self._notify, self._last = total, progress, notify, (0, 0)
        self._before: int | None = None  # had ended when the first numbers were shown
        self._task = progress.add_task("runs", total=total, said=()) if progress else None
        self._begun = self._last_line = time.monotonic()

    def show(self, done: int, failed: int, running: int, waiting: int = 0) -> None:
        """Show how many runs are done, failed, running, and how many Slurm does not take yet."""
        self._last = done, failed
        if self._notify:
            self._notify.look(self._total, done, failed)
        counts = ((failed, "failed"), (running, "running"), (waiting, "to be submitted"))
        told = [f"{number} {word}" for number, word in counts if number]
        if left := self._left(done + failed):
            told.append(left)
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, said=[f"{text}," for text in told[:-1]] + told[-1:])
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            log.info("%s", ", ".join([f"{done} of {self._total} runs are done", *told]))

    def note(self, text: str) -> None:
        """Say something at once, above the bar where there is one."""
        if self._progress is not None:
            self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            log.info("%s", text)

    def end(self) -> None:
        """The sweep has ended."""
        if self._notify:
            self._notify.end(self._total, *self._last)

    def _left(self, ended: int) -> str:
        """The time left, if the others take as long as those that have ended so far did."""
        self._before = ended if self._before is None else self._before
        here = ended - self._before
        if here <= 0 or ended >= self._total:
            return ""
        seconds = (time.monotonic() - self._begun) / here * (self._total - ended)
        return f"about {duration(seconds)} left"


@contextmanager
def tally(total: int, notify: Notify | None = None) -> Iterator[Tally]:
    """Within this block a sweep's numbers are shown; on a terminal its bar stays behind.

    Args:
        total: runs of the sweep.
        notify: is told of its first failure and of its end, but not where a signal ends the block.
    """
    with on_terminal(time_left=False) as progress:
        shown = Tally(total, progress, notify)
        yield shown
    shown.end()
