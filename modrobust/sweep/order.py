"""In which order the runs of a pool are begun: each after the stages it waits for."""

from collections.abc import Sequence
from pathlib import Path
from threading import Condition

from modrobust.sweep.plan import Planned


class Order:
    """Gives runs to workers, in the order of the sweep, each as soon as what it waits for is done.

    Attributes:
        done, failed, running: how many runs are so; those that could not start have failed.
    """

    def __init__(self, runs: Sequence[Planned]) -> None:
        """Nothing is begun yet; what a run waits for that is not among these runs is not waited for."""
        self.done, self.failed, self.running = 0, 0, 0
        self._open, self._changed, self._stopped = list(runs), Condition(), False
        self._outstanding = {run.folder for run in runs}

    def take(self) -> Planned | None:
        """A run to begin; waits while there may be one later. None: there is no more, or `stop` was called."""
        with self._changed:
            while self._open and not self._stopped:
                for run in self._open:
                    if self._outstanding.isdisjoint(run.after.values()):
                        self._open.remove(run)
                        self.running += 1
                        return run
                self._changed.wait()
            return None

    def ended(self, run: Planned, done: bool) -> list[Planned]:
        """Say how a run that was taken ended; the runs that can't start since it is not done."""
        with self._changed:
            self.running -= 1
            self.done += done
            self.failed += not done and not self._stopped
            lost = {run.folder} if not done else set[Path]()
            blocked: list[Planned] = []
            while some := [one for one in self._open if not lost.isdisjoint(one.after.values())]:
                blocked += some
                lost |= {one.folder for one in some}
                self._open = [one for one in self._open if one.folder not in lost]
            self._outstanding -= {run.folder} | lost
            self.failed += len(blocked)
            self._changed.notify_all()
            return blocked

    def stop(self) -> None:
        """Nothing more is begun."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
