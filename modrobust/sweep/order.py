"""In which order the runs of a pool are begun: each after the stages it waits for."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Condition

from modrobust.sweep.plan import Planned


class Order:
    """Gives runs to workers, in the order of the sweep, each as soon as what it waits for is done.

    Attributes:
        done, failed, running: how many runs are so; those that could not start have failed.
        total: how many there are.
        alone: whether a run has the machine to itself, so that one that does not fit will never.
    """

    def __init__(self, runs: Sequence[Planned]) -> None:
        """Nothing is begun yet; what a run waits for that is not among these runs is not waited for."""
        self.done, self.failed, self.running, self.total, self.alone = 0, 0, 0, len(runs), False
        self._again: list[Planned] = []
        self._open, self._changed, self._stopped = list(runs), Condition(), False
        self._outstanding = {run.folder for run in runs}
        self._had, self._free = Counter[str](), list[str]()

    def take(self, gpu: str = "") -> Planned | None:
        """A run to begin; waits while there may be one later. None: there is no more, or `stop` was called.

        Of workers that are free at the same time those come first whose GPU has had the fewest runs. None waits for one
        that is at work, so GPUs have had equally many only where runs, and the start of processes, are equally long.
        """
        with self._changed:
            self._free.append(gpu)
            try:
                while self._open and not self._stopped:
                    ready = (run for run in self._open if self._outstanding.isdisjoint(run.after.values()))
                    if self._had[gpu] == min(self._had[one] for one in self._free) and (run := next(ready, None)):
                        self._open.remove(run)
                        self.running += 1
                        self._had[gpu] += 1
                        return run
                    self._changed.wait()
                return None
            finally:
                self._free.remove(gpu)
                self._changed.notify_all()  # it may be another's turn

    def ended(self, run: Planned, done: bool, no_room: bool = False) -> list[Planned]:
        """Say how a run that was taken ended.

        Args:
            run: which.
            done: whether it is done.
            no_room: it did not fit into memory: it comes again, alone, and so does what waits for it.

        Returns:
            The runs that can't start since it is not done.
        """
        with self._changed:
            self.running -= 1
            lost = {run.folder} if not done else set[Path]()
            blocked: list[Planned] = []
            while some := [one for one in self._open if not lost.isdisjoint(one.after.values())]:
                blocked += some
                lost |= {one.folder for one in some}
                self._open = [one for one in self._open if one.folder not in lost]
            again = no_room and not self.alone and not self._stopped
            if again:
                self._again += [run, *blocked]
            elif not self._stopped:
                self.failed += len(lost)
            self.done += done
            self._outstanding -= {run.folder} | (set() if again else lost)
            self._changed.notify_all()
            return [] if again else blocked

    def all_again(self) -> list[Planned]:
        """Put back what did not fit beside others; what there is to do again."""
        with self._changed:
            self._open, self._again = self._again, []
            self._outstanding = {run.folder for run in self._open}
            return list(self._open)

    def stop(self) -> None:
        """Nothing more is begun."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
