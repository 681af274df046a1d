"""A sweep on one machine: worker processes, each of which does one run after the other."""

import logging
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from hydra.core.utils import JobReturn
from hydra.types import HydraContext

from modrobust.config.identity import plain
from modrobust.config.values import check_values
from modrobust.errors import UserError
from modrobust.interrupt import handled
from modrobust.store.folders import status_of
from modrobust.store.run_folder import write_failure
from modrobust.sweep.job import Job
from modrobust.sweep.launch import finished, to_do
from modrobust.sweep.order import Order
from modrobust.sweep.plan import Composer, Planned, counted, plan
from modrobust.sweep.tally import Tally, tally

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 0.2


@handled()
def launch(params: Mapping[str, Any], compose: Composer, jobs: Sequence[Sequence[str]]) -> list[JobReturn]:
    """Do a sweep's runs in worker processes; those that are done are left alone.

    Args:
        params: of the launcher's configuration: processes, gpus, split.
        compose: makes a run's configuration from its overrides.
        jobs: each run's overrides.

    Raises:
        UserError: a value of the launcher or of a run is wrong; two runs are the same; or, at the end, runs failed:
            each is listed before.
    """
    check_values(plain(compose.config.hydra.launcher), "hydra.launcher.")
    runs = Path(str(compose.config.hydra.sweep.dir)).absolute()
    planned = plan(jobs, compose, runs)
    stages, missing = to_do(planned, runs, params["split"] == "parts")
    processes = params["processes"] or max(1, (os.cpu_count() or 1) // compose.config.threads)
    order, notes, logs = Order([*stages, *missing]), SimpleQueue[str](), runs / ".local"
    count = min(processes, len(stages) + len(missing))
    workers = [Worker(i, order, compose.context, notes, params["gpus"], logs) for i in range(count)]
    if workers:
        logs.mkdir(parents=True, exist_ok=True)
        log.info("%s in %d processes, which write to %s", counted(missing), len(workers), logs)
    before, total = len(planned) - len(missing), len(planned) + len(stages)
    with tally(total) as shown:
        try:
            for worker in workers:
                worker.start()
            while any(worker.is_alive() for worker in workers):
                _show(order, before, notes, shown)
                time.sleep(SECONDS_BETWEEN_LOOKS)
            _show(order, before, notes, shown)
        except KeyboardInterrupt:
            _stop(workers, order, total - before, shown)
            raise
    return finished(planned, [*stages, *missing], runs)


def _show(order: Order, before: int, notes: SimpleQueue[str], shown: Tally) -> None:
    while not notes.empty():
        shown.note(notes.get())
    shown.show(before + order.done, order.failed, order.running)


def _stop(workers: "Sequence[Worker]", order: Order, asked: int, shown: Tally) -> None:
    """Ask all processes, each once, to save and end; wait for them and tell."""
    running = order.running
    order.stop()
    shown.note(f"stopping: {running} runs save their state.")
    for worker in workers:
        worker.stop()
    try:
        for worker in workers:
            worker.join()
    except KeyboardInterrupt:  # asked again; the processes have a session of their own
        shown.note("not waiting any longer: the runs save their state and end by themselves.")
        raise
    shown.note(
        f"stopped: of {asked} runs {order.done} are done, {running} were running; the same command goes on with them."
    )


class Worker(Thread):
    """Feeds runs to a process of its own; a process that dies is replaced by a new one."""

    process: "subprocess.Popen[bytes] | None"

    def __init__(
        self, number: int, order: Order, context: HydraContext, notes: SimpleQueue[str], gpus: int, logs: Path
    ) -> None:
        """No process is started yet.

        Args:
            number: of this worker.
            order: which runs there are.
            context: what Hydra's own part of each needs.
            notes: takes lines for the user.
            gpus: to take turns with.
            logs: the folder for what the process writes.
        """
        super().__init__(daemon=True)
        self.order, self.context, self.notes = order, context, notes
        self.log, self.process = logs / f"worker-{number}.log", None
        self._stopping, self._lock = False, Lock()
        self.environment = dict(os.environ)
        if gpus:
            visible = self.environment.get("CUDA_VISIBLE_DEVICES")  # of a job on a shared node, not the first ones
            names = visible.split(",")[:gpus] if visible else [str(gpu) for gpu in range(gpus)]
            self.environment["CUDA_VISIBLE_DEVICES"] = names[number % len(names)]

    def run(self) -> None:
        """Until there is no more to do, or until it is asked to stop."""
        while (run := self.order.take()) is not None:
            lives = self._do(run)
            state = status_of(run.folder).get("state")
            if not lives and state is None and not self._stopping:
                write_failure(run.folder, UserError(f"its process died before the run began, see {self.log}"))
            if not lives:
                self._close()
            blocked = self.order.ended(run, state == "done")
            if self._stopping:
                break
            if state != "done":
                what = (state or "failed") if lives else "its process died"
                self.notes.put(f"{what}: {' '.join(run.overrides)}")
            if blocked:
                self.notes.put(f"{len(blocked)} that need it cannot start.")
        self._close()

    def _close(self) -> None:
        """Let the process end, now that it is told nothing more."""
        if self.process and self.process.stdin and self.process.stdout:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()
        self.process = None

    def _do(self, run: Planned) -> bool:
        """Whether the process still lives after this run."""
        with self._lock:
            if self._stopping:
                return False
            if self.process is None:
                self.process = self._new_process()
        process = self.process
        assert process.stdin and process.stdout
        run.folder.mkdir(parents=True, exist_ok=True)
        try:
            pickle.dump(Job([run.bare], self.context), process.stdin)
            process.stdin.flush()
            ended = process.stdout.readline() != b""
        except BrokenPipeError:
            ended = False
        if not ended:
            process.communicate()  # until its end is noticed the system keeps its number, and it would count as alive
        return ended

    def _new_process(self) -> "subprocess.Popen[bytes]":
        """A process in a session of its own: a terminal's Ctrl-C is for the launcher, which asks it once."""
        command, pipe = [sys.executable, "-m", "modrobust.sweep.local"], subprocess.PIPE
        with self.log.open("ab") as said:
            return subprocess.Popen(
                command,
                stdin=pipe,
                stdout=pipe,
                stderr=said,
                env=self.environment,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Ask the process to save and end; no other run is begun."""
        with self._lock:
            self._stopping = True
            if self.process:
                self.process.terminate()


def work() -> None:
    """The worker's process: does each job of standard input, and writes a line to standard output for each that ended.

    Jobs come as pickles from the launcher, which started this process: whatever its paths and values are, none is
    parsed again.
    """
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # what runs print goes where their log goes
        while True:
            try:
                job = pickle.load(sys.stdin.buffer)
            except EOFError:
                break
            job()
            answers.write("ended\n")
            answers.flush()


if __name__ == "__main__":
    work()
