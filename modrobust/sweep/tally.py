"""How a sweep is doing while one waits for it: a bar in a terminal, a line a minute elsewhere."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress

from modrobust.progress import on_terminal

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 60.0


class Tally:
    """Counts runs: `show` the numbers as often as you like, `note` what should not wait.

    Args:
        total: runs of the sweep.
        progress: the bar; None off a terminal.
    """

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._before: int | None = None  # had ended when the first numbers were shown
        self._task = progress.add_task("runs", total=total, said=()) if progress else None
        self._begun = self._last_line = time.monotonic()

    def show(self, done: int, failed: int, running: int, waiting: int = 0) -> None:
        """Show how many runs are done, failed, running, and how many Slurm does not take yet."""
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

    def _left(self, ended: int) -> str:
        """The time left, if the others take as long as those that have ended so far did."""
        self._before = ended if self._before is None else self._before
        here = ended - self._before
        if here <= 0 or ended >= self._total:
            return ""
        seconds = (time.monotonic() - self._begun) / here * (self._total - ended)
        for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
            if seconds >= 1.5 * size:
                return f"about {seconds / size:.0f} {unit} left"
        return f"about {seconds:.0f} s left"


@contextmanager
def tally(total: int) -> Iterator[Tally]:
    """Within this block a sweep's numbers are shown; on a terminal its bar stays behind.

    Args:
        total: runs of the sweep.
    """
    with on_terminal(time_left=False) as progress:
        yield Tally(total, progress)
