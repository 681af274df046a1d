"""What runs within a job: one or several runs, one after the other, as if their commands were typed there."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from modrobust import interrupt
from modrobust.shell import safe_streams
from modrobust.store.provenance import job_id
from modrobust.sweep import slurm

REQUEUE = (signal.SIGUSR1, signal.SIGUSR2)  # the time limit is near; SIGTERM comes from who requeues or cancels


@dataclass
class Job:
    """Some runs, each with its command line and folder; one that fails does not stop the others.

    Attributes:
        runs: (overrides, folder) of each.
        code: git commit at submission, and whether files differed from it.
        most_requeues: how often the job may go back into the queue at its time limit.
    """

    runs: Sequence[tuple[Sequence[str], str]]
    code: dict[str, Any] = field(default_factory=dict)
    most_requeues: int = 0

    def __call__(self) -> list[str]:
        """Do all runs; the folders of those that failed. After a signal: saved, and requeued where it is time."""
        safe_streams()
        self._compare_code()
        failed = []
        try:
            with interrupt.handled((*interrupt.SIGNALS, *REQUEUE)):
                for overrides, folder in self.runs:
                    if not self._run(overrides, folder):
                        failed.append(folder)
        except interrupt.Interrupted as stop:
            self._leave(stop.signum)
        if failed:
            print(f"{len(failed)} of {len(self.runs)} runs failed: {', '.join(failed)}", file=sys.stderr)
        return failed

    def _run(self, overrides: Sequence[str], folder: str) -> bool:
        from modrobust.run import run

        sys.argv = ["modrobust", *overrides, f"hydra.run.dir={folder}"]
        try:
            run()
        except interrupt.Interrupted:
            raise
        except SystemExit as stop:
            if isinstance(stop.code, str):
                print(stop.code, file=sys.stderr)
            return stop.code in (None, 0)
        except Exception:
            traceback.print_exc()
            return False
        return True

    def _leave(self, signum: int) -> None:
        """The state is saved: back into the queue at the time limit and when preempted, else the end."""
        job = job_id()
        limit = signum in REQUEUE and int(os.environ.get("SLURM_RESTART_COUNT", 0)) < self.most_requeues
        # A job that ends by itself after the SIGTERM of a preemption, within its grace time, would not come back.
        if job and (limit or (signum == signal.SIGTERM and slurm.preempted(job))):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if slurm.requeue(job):
                time.sleep(120)  # Slurm ends the process
        os._exit(128 + signum)  # not as a result: the launcher reads the run's status

    def _compare_code(self) -> None:
        from modrobust.store.provenance import code_version

        now = code_version()
        if self.code and any(now.get(key) != self.code.get(key) for key in ("git_commit", "git_dirty")):
            print(
                f"warning: the code has changed since the submission: then {self.code.get('git_commit')}"
                f"{' with changes' if self.code.get('git_dirty') else ''}, now {now.get('git_commit')}"
                f"{' with changes' if now.get('git_dirty') else ''}.",
                file=sys.stderr,
            )
