"""What runs within a job: one or several runs, one after the other, composed and checked before they came here."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hydra.core.utils import run_job
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from modrobust import interrupt
from modrobust.errors import UserError
from modrobust.machine import places
from modrobust.store.provenance import job_id
from modrobust.sweep import slurm
from modrobust.terminal.shell import safe_streams

if TYPE_CHECKING:
    from modrobust.sweep.plan import Planned

REQUEUE = (signal.SIGUSR1, signal.SIGUSR2)  # the time limit is near; SIGTERM comes from who requeues or cancels


@dataclass
class Job:
    """Some runs; one that fails does not stop the others.

    Attributes:
        runs: their configurations and folders.
        context: what Hydra's own part of a run needs.
        code: git commit at submission, and whether files differed from it.
        most_requeues: how often the job may go back into the queue at its time limit.
        pool: of several runs, how many at once: arguments of `places`; empty for one after the other.
        awaited: whether other jobs wait for this one, which then exits with 1 where a run failed.
    """

    runs: "Sequence[Planned]"
    context: HydraContext
    code: dict[str, Any] = field(default_factory=dict)
    most_requeues: int = 0
    pool: dict[str, Any] = field(default_factory=dict)
    awaited: bool = False

    def __call__(self) -> list[str]:
        """Do all runs; the folders of those that failed. After a signal: saved, and requeued where it is time."""
        safe_streams()
        self._compare_code()
        try:
            failed = self.work()
        except interrupt.Interrupted as stop:
            self._leave(stop.signum)
        if failed:
            print(f"{len(failed)} of {len(self.runs)} runs failed: {', '.join(failed)}", file=sys.stderr)
            if self.awaited:
                sys.exit(1)
        return failed

    def work(self) -> list[str]:
        """The same; raises Interrupted after a signal, when what was going on is saved."""
        with interrupt.handled((*interrupt.SIGNALS, *REQUEUE)):
            gpus = None if "CUDA_VISIBLE_DEVICES" in os.environ else 0  # the job's, not the node's
            at = places(gpus=gpus, **self.pool)[: len(self.runs)] if self.pool else []
            if len(at) > 1:
                return self._at_once(at)
            return [str(run.folder) for run in self.runs if not self._run(run)]

    def _at_once(self, at: list[dict[str, str]]) -> list[str]:
        """Several at a time, each in a process of its own."""
        from modrobust.store.folders import status_of
        from modrobust.sweep.pool import Pool

        def note(text: str) -> None:
            print(text, file=sys.stderr, flush=True)

        note(f"{len(self.runs)} runs in {len(at)} processes")
        Pool(self.runs, self.context, at, note).run(lambda done, failed, running: None)
        return [str(run.folder) for run in self.runs if status_of(run.folder).get("state") != "done"]

    def _run(self, run: "Planned") -> bool:
        """Do one run; whether it is done. What fails before it takes its folder is written there, too."""
        from modrobust.run import do
        from modrobust.store.run_folder import write_failure

        try:
            if not run.folder.is_dir():  # the launcher has made it
                raise UserError(f"{run.folder} was removed or moved after its submission: nothing is written.")
            ended = run_job(
                task_function=lambda cfg: do(cfg, run.folder),
                config=_with_hydra(run),
                job_dir_key="hydra.run.dir",
                job_subdir_key=None,
                hydra_context=self.context,
            )
            return ended.return_value is None  # raises what the run raised
        except Exception as error:
            print(f"failed: {write_failure(run.folder, error)}", file=sys.stderr)
            return False

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


def _with_hydra(run: "Planned") -> DictConfig:
    """A run's configuration as Hydra composes it, from what was composed for the sweep."""
    cfg = OmegaConf.create(dict(run.content))
    with open_dict(cfg):
        cfg.hydra = run.hydra
    OmegaConf.set_readonly(cfg.hydra, False)
    cfg.hydra.run.dir = str(run.folder)
    cfg.hydra.overrides.task = list(run.overrides)
    OmegaConf.set_struct(cfg, True)
    return cfg
