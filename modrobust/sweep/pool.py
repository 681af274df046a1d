"""A pool of worker processes on one machine: each does one run after the other, on the GPU it was given."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue

from hydra.types import HydraContext

from modrobust import machine
from modrobust.sweep.order import Order
from modrobust.sweep.plan import Planned
from modrobust.sweep.worker import Worker

SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_BETWEEN_LOOKS_AT_MEMORY = 2.0
SHORT = 0.03  # of the memory free: the largest run makes room, before the system kills one

Show = Callable[[int, int, int], None]
"""Is given the numbers of runs that are done, failed and running."""
Note = Callable[[str], None]
"""Is given lines for people."""


class Pool:
    """Does runs, several at once; a run that does not fit into memory beside others is done again alone."""

    def __init__(
        self,
        runs: Sequence[Planned],
        context: HydraContext,
        places: Sequence[Mapping[str, str]],
        note: Note,
        logs: Path | None = None,
    ) -> None:
        """Nothing is begun yet.

        Args:
            runs: in order; stages come before the runs that wait for them.
            context: what Hydra's own part of each needs.
            places: see `machine.places`; no more workers are started than there are runs.
            note: is given what people should know.
            logs: the folder for what each worker writes, where runs may have no folder yet; None: in a job, whose
                standard error they share.
        """
        self.order = Order(runs)
        self._context, self._logs, self._note = context, logs, note
        self._places = places[: len(runs)]
        self._workers: list[Worker] = []
        self._notes = SimpleQueue[str]()
        self._memory = time.monotonic()

    def run(self, show: Show) -> None:
        """Until all runs have ended, or could not start.

        Raises:
            KeyboardInterrupt: a signal came; all runs that were going on are saved.
        """
        try:
            self._work(self._places, show)
            if apart := self.order.all_again():
                self._note(
                    f"{len(apart)} runs did not fit into memory beside others: they are tried again, one by one."
                )
                self._work(self._places[:1], show)
        except KeyboardInterrupt:
            self._stop()
            raise

    def _work(self, places: Sequence[Mapping[str, str]], show: Show) -> None:
        self._workers = [
            Worker(self.order, self._context, self._notes, place, self._logs and self._logs / f"worker-{i}.log")
            for i, place in enumerate(places)
        ]
        self.order.alone = len(places) == 1
        for worker in self._workers:
            worker.start()
        going_on = True
        while going_on:
            going_on = any(worker.is_alive() for worker in self._workers)
            while not self._notes.empty():
                self._note(self._notes.get())
            show(self.order.done, self.order.failed, self.order.running)
            self._make_room()
            if going_on:
                time.sleep(SECONDS_BETWEEN_LOOKS)

    def _make_room(self) -> None:
        """Where memory runs short, ask the largest of several runs to save and end; it is tried again alone."""
        if time.monotonic() - self._memory < SECONDS_BETWEEN_LOOKS_AT_MEMORY or self.order.running < 2:
            return
        self._memory = time.monotonic()
        if machine.memory_left() < SHORT and not any(worker.makes_room for worker in self._workers):
            largest = max(self._workers, key=lambda worker: machine.memory_of(worker.pid or 0))
            largest.make_room()

    def _stop(self) -> None:
        """Ask all processes, each once, to save and end; wait for them and tell."""
        running = self.order.running
        self.order.stop()
        self._note(f"stopping: {running} runs save their state.")
        for worker in self._workers:
            worker.stop()
        try:
            for worker in self._workers:
                worker.join()
        except KeyboardInterrupt:  # asked again; the processes have a session of their own
            self._note("not waiting any longer: the runs save their state and end by themselves.")
            raise
        done, asked = self.order.done, self.order.total
        self._note(
            f"stopped: of {asked} runs {done} are done, {running} were running; the same command goes on with them."
        )
