"""A worker of a pool: a thread that feeds runs to a process of its own, and what that process does."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

from hydra.types import HydraContext

from modrobust.errors import UserError
from modrobust.interrupt import Interrupted
from modrobust.store.folders import status_of
from modrobust.store.run_folder import write_failure
from modrobust.sweep.job import Job
from modrobust.sweep.order import Order
from modrobust.sweep.plan import Planned

NO_MEMORY = "not enough memory"
"""How the line begins that tells an error of this kind; see `modrobust.terminal.refusals`."""


class Worker(Thread):
    """Feeds runs to a process; one that dies is replaced by a new one.

    Attributes:
        gpu: its own; empty where there are none.
        makes_room: whether its run was asked to save and end, since memory runs short.
    """

    process: "subprocess.Popen[bytes] | None"

    def __init__(
        self,
        order: Order,
        context: HydraContext,
        notes: SimpleQueue[str],
        place: Mapping[str, str],
        log: Path | None,
    ) -> None:
        """No process is started yet.

        Args:
            order: which runs there are.
            context: what Hydra's own part of each needs.
            notes: takes lines for the user.
            place: what its environment has beside that of this process.
            log: where to write; None for the standard error of a job, in which every run has its folder.
        """
        super().__init__(daemon=True)
        self.order, self.context, self.notes, self.log, self.process = order, context, notes, log, None
        self.environment, self.gpu = {**os.environ, **place}, place.get("CUDA_VISIBLE_DEVICES", "")
        self.makes_room, self._stopping, self._lock = False, False, Lock()

    @property
    def pid(self) -> int | None:
        """Of the process, where there is one."""
        return self.process.pid if self.process else None

    def run(self) -> None:
        """Until there is no more to do, or until it is asked to stop."""
        while (run := self.order.take(self.gpu)) is not None:
            code = self._do(run)
            status = status_of(run.folder)
            state, error = status.get("state"), str(status.get("error") or "")
            if code is not None:
                if state is None and not self._stopping and not self.makes_room:
                    where = f", see {self.log}" * bool(self.log)
                    write_failure(run.folder, UserError(f"its process died before the run began{where}"))
                self._close()
            no_room = state != "done" and (self.makes_room or code == -signal.SIGKILL or error.startswith(NO_MEMORY))
            self.makes_room = False
            blocked = self.order.ended(run, state == "done", no_room)
            if self._stopping:
                break
            if state != "done":
                what = "its process died" if code is not None and state != "preempted" else state or "failed"
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

    def _do(self, run: Planned) -> int | None:
        """Do a run; None where the process still lives after it, else its exit code."""
        with self._lock:
            if self._stopping:
                return 0
            if self.process is None:
                self.process = self._new_process()
        process = self.process
        assert process.stdin and process.stdout
        if self.log:
            run.folder.mkdir(parents=True, exist_ok=True)
        try:
            pickle.dump(Job([run.bare], self.context), process.stdin)
            process.stdin.flush()
            ended = process.stdout.readline() != b""
        except BrokenPipeError:
            ended = False
        if ended:
            return None
        process.communicate()  # until its end is noticed the system keeps its number, and it would count as alive
        return process.returncode

    def _new_process(self) -> "subprocess.Popen[bytes]":
        """A process in a session of its own: a terminal's Ctrl-C is for the launcher, which asks it once."""
        command, pipe = [sys.executable, "-m", "modrobust.sweep.worker"], subprocess.PIPE
        said = self.log.open("ab") if self.log else None
        try:
            return subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=said, env=self.environment, start_new_session=True
            )
        finally:
            if said:
                said.close()

    def stop(self) -> None:
        """Ask the process to save and end; no other run is begun."""
        with self._lock:
            self._stopping = True
            if self.process:
                self.process.terminate()

    def make_room(self) -> None:
        """Ask the run to save and end, for others need its memory."""
        with self._lock:
            if self.process:
                self.makes_room = True
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
                job: Job = pickle.load(sys.stdin.buffer)
            except EOFError:
                break
            try:
                job.work()
            except Interrupted as stop:  # saved; a Slurm job around is for the launcher to put back into the queue
                os._exit(128 + stop.signum)
            if (torch := sys.modules.get("torch")) and torch.cuda.is_initialized():
                torch.cuda.empty_cache()  # others may share the GPU
            answers.write("ended\n")
            answers.flush()


if __name__ == "__main__":
    work()
