"""A sweep on one machine: worker processes, each of which does one run after the other."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from hydra.core.utils import JobReturn
from omegaconf import DictConfig

from modrobust.config.identity import plain
from modrobust.config.values import check_values
from modrobust.sweep.launch import finished, missing_of
from modrobust.sweep.plan import Compose, Planned, plan

log = logging.getLogger(__name__)


def launch(
    params: Mapping[str, Any], compose: Compose, config: DictConfig, jobs: Sequence[Sequence[str]]
) -> list[JobReturn]:
    """Do a sweep's runs in worker processes; those that are done are left alone.

    Args:
        params: of the launcher's configuration: processes, gpus.
        compose: makes a run's configuration from its overrides.
        config: of the sweep.
        jobs: each run's overrides.

    Raises:
        UserError: a value of the launcher is wrong; two runs are the same; or, at the end, runs failed: each is listed
            before.
    """
    check_values(plain(config.hydra.launcher), "hydra.launcher.")
    runs = Path(str(config.hydra.sweep.dir)).absolute()
    planned = plan(jobs, compose, runs)
    missing = missing_of(planned, runs)
    processes = params["processes"] or max(1, (os.cpu_count() or 1) // config.threads)
    queue: SimpleQueue[Planned] = SimpleQueue()
    for run in missing:
        queue.put(run)
    logs = runs / ".local"
    workers = [Worker(i, queue, params["gpus"], logs) for i in range(min(processes, len(missing)))]
    if workers:
        logs.mkdir(parents=True, exist_ok=True)
        log.info("%d runs in %d processes, which write to %s", len(missing), len(workers), logs)
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    except KeyboardInterrupt:  # the workers' processes got the signal, too, and save
        while not queue.empty():
            queue.get()
        for worker in workers:
            worker.stop()
        raise
    return finished(planned, runs)


class Worker(Thread):
    """Feeds runs to a process of its own; a process that dies is replaced by a new one."""

    process: "subprocess.Popen[str] | None"

    def __init__(self, number: int, queue: SimpleQueue[Planned], gpus: int, logs: Path) -> None:
        super().__init__(daemon=True)
        self.queue, self.log, self.process = queue, logs / f"worker-{number}.log", None
        self.environment = dict(os.environ)
        if gpus:
            visible = self.environment.get("CUDA_VISIBLE_DEVICES")  # of a job on a shared node, not the first ones
            names = visible.split(",")[:gpus] if visible else [str(gpu) for gpu in range(gpus)]
            self.environment["CUDA_VISIBLE_DEVICES"] = names[number % len(names)]

    def run(self) -> None:
        """Until the queue is empty."""
        while True:
            try:
                run = self.queue.get_nowait()
            except Empty:
                break
            if not self._do(run):
                self.process = None
            log.info("%s %s", "ended:" if self.process else "its process died:", " ".join(run.overrides))
        if self.process and self.process.stdin:
            self.process.stdin.close()
            self.process.wait()

    def _do(self, run: Planned) -> bool:
        """Whether the process still lives after this run."""
        if self.process is None:
            command = [sys.executable, "-m", "modrobust.sweep.local"]
            pipe = subprocess.PIPE
            with self.log.open("a") as said:
                self.process = subprocess.Popen(
                    command, stdin=pipe, stdout=pipe, stderr=said, text=True, env=self.environment
                )
        process = self.process
        assert process.stdin and process.stdout
        run.folder.mkdir(parents=True, exist_ok=True)
        try:
            process.stdin.write(json.dumps([run.overrides, str(run.folder)]) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return False
        return process.stdout.readline() != ""

    def stop(self) -> None:
        """Ask the process to save and end."""
        if self.process:
            self.process.terminate()
            self.process.wait()


def work() -> None:
    """The worker's process: a run for each line of standard input, a line of standard output for each that ended."""
    from modrobust.sweep.job import Job

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what runs print goes where their log goes
    for line in sys.stdin:
        overrides, folder = json.loads(line)
        Job([(overrides, folder)])()
        answers.write("ended\n")
        answers.flush()


if __name__ == "__main__":
    work()
