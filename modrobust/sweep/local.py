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
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from hydra.core.utils import JobReturn

from modrobust.config.identity import plain
from modrobust.config.values import check_values
from modrobust.errors import UserError
from modrobust.interrupt import handled
from modrobust.store.folders import status_of
from modrobust.store.run_folder import write_failure
from modrobust.sweep.job import Job
from modrobust.sweep.launch import finished, missing_of
from modrobust.sweep.plan import Composer, counted, plan
from modrobust.sweep.tally import Tally, tally

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 0.2


@handled()
def launch(params: Mapping[str, Any], compose: Composer, jobs: Sequence[Sequence[str]]) -> list[JobReturn]:
    """Do a sweep's runs in worker processes; those that are done are left alone.

    Args:
        params: of the launcher's configuration: processes, gpus.
        compose: makes a run's configuration from its overrides.
        jobs: each run's overrides.

    Raises:
        UserError: a value of the launcher or of a run is wrong; two runs are the same; or, at the end, runs failed:
            each is listed before.
    """
    check_values(plain(compose.config.hydra.launcher), "hydra.launcher.")
    runs = Path(str(compose.config.hydra.sweep.dir)).absolute()
    planned = plan(jobs, compose, runs)
    missing = missing_of(planned, runs)
    processes = params["processes"] or max(1, (os.cpu_count() or 1) // compose.config.threads)
    queue, notes = SimpleQueue[Job](), SimpleQueue[str]()
    for run in missing:
        queue.put(Job([run], compose.context))
    logs = runs / ".local"
    workers = [Worker(i, queue, notes, params["gpus"], logs) for i in range(min(processes, len(missing)))]
    if workers:
        logs.mkdir(parents=True, exist_ok=True)
        log.info("%s in %d processes, which write to %s", counted(missing), len(workers), logs)
    with tally(len(planned)) as shown:
        try:
            for worker in workers:
                worker.start()
            while any(worker.is_alive() for worker in workers):
                _show(workers, len(planned) - len(missing), notes, shown)
                time.sleep(SECONDS_BETWEEN_LOOKS)
            _show(workers, len(planned) - len(missing), notes, shown)
        except KeyboardInterrupt:
            _stop(workers, len(missing), shown)
            raise
    return finished(planned, runs)


def _show(workers: "Sequence[Worker]", before: int, notes: SimpleQueue[str], shown: Tally) -> None:
    while not notes.empty():
        shown.note(notes.get())
    done = sum(worker.done for worker in workers)
    failed = sum(worker.failed for worker in workers)
    shown.show(before + done, failed, sum(worker.busy for worker in workers))


def _stop(workers: "Sequence[Worker]", asked: int, shown: Tally) -> None:
    """Ask all processes, each once, to save and end; wait for them and tell."""
    running = sum(worker.busy for worker in workers)
    shown.note(f"stopping: {running} runs save their state.")
    for worker in workers:
        worker.stop()
    try:
        for worker in workers:
            worker.join()
    except KeyboardInterrupt:  # asked again; the processes have a session of their own
        shown.note("not waiting any longer: the runs save their state and end by themselves.")
        raise
    done = sum(worker.done for worker in workers)
    shown.note(f"stopped: of {asked} runs {done} are done, {running} were running; the same command goes on with them.")


class Worker(Thread):
    """Feeds runs to a process of its own; a process that dies is replaced by a new one.

    Attributes:
        done, failed: how many runs have ended so.
        busy: whether a run is going on.
        notes: takes lines for the user.
    """

    process: "subprocess.Popen[bytes] | None"

    def __init__(self, number: int, queue: SimpleQueue[Job], notes: SimpleQueue[str], gpus: int, logs: Path):
        super().__init__(daemon=True)
        self.queue, self.notes, self.log, self.process = queue, notes, logs / f"worker-{number}.log", None
        self.done, self.failed, self.busy = 0, 0, False
        self._stopping, self._lock = False, Lock()
        self.environment = dict(os.environ)
        if gpus:
            visible = self.environment.get("CUDA_VISIBLE_DEVICES")  # of a job on a shared node, not the first ones
            names = visible.split(",")[:gpus] if visible else [str(gpu) for gpu in range(gpus)]
            self.environment["CUDA_VISIBLE_DEVICES"] = names[number % len(names)]

    def run(self) -> None:
        """Until the queue is empty, or until it is asked to stop."""
        while not self._stopping:
            try:
                job = self.queue.get_nowait()
            except Empty:
                break
            self.busy = True
            (run,) = job.runs
            lives = self._do(job)
            self.busy = False
            state = status_of(run.folder).get("state")
            self.done += state == "done"
            if self._stopping:
                break
            self.failed += state != "done"
            if not lives:
                if state is None:
                    write_failure(run.folder, UserError(f"its process died before the run began, see {self.log}"))
                self.notes.put(f"its process died: {' '.join(run.overrides)}")
                self._close()
            elif state != "done":
                self.notes.put(f"{state or 'failed'}: {' '.join(run.overrides)}")
        self._close()

    def _close(self) -> None:
        """Let the process end, now that it is told nothing more."""
        if self.process and self.process.stdin and self.process.stdout:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()
        self.process = None

    def _do(self, job: Job) -> bool:
        """Whether the process still lives after this run."""
        with self._lock:
            if self._stopping:
                return False
            if self.process is None:
                self.process = self._new_process()
        process = self.process
        assert process.stdin and process.stdout
        job.runs[0].folder.mkdir(parents=True, exist_ok=True)
        try:
            pickle.dump(job, process.stdin)
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
