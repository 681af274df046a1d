"""Runs on their way into the queue of Slurm: in arrays of jobs, each with one or several runs, as many as it takes."""

import logging
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

from hydra.types import HydraContext

from modrobust.config.identity import fingerprint
from modrobust.errors import UserError
from modrobust.store.files import write_json
from modrobust.store.provenance import code_version
from modrobust.sweep import index, slurm
from modrobust.sweep.job import Job
from modrobust.sweep.plan import Planned
from modrobust.sweep.sbatch import Full, sbatch
from modrobust.sweep.stages import STAGES
from modrobust.sweep.status import Status

log = logging.getLogger(__name__)

OF_A_USER = re.compile("SubmitJob", re.IGNORECASE)
SECONDS_BETWEEN_TRIES = 120.0


def is_stage(run: Planned) -> bool:
    """Whether others may wait for a run."""
    return STAGES in run.folder.parts


def _group(pack: Sequence[Planned]) -> tuple[bool, frozenset[Path]]:
    """Jobs that agree in this can be of one array."""
    return is_stage(pack[0]), frozenset(pack[0].after.values())


def in_jobs(runs: Sequence[Planned], size: int) -> list[list[list[Planned]]]:
    """Runs as arrays of jobs of at most `size` runs each; a job waits for what all its runs wait for.

    Stages come first, then what waits for them, then all else.
    """
    groups: dict[tuple[bool, frozenset[Path]], list[Planned]] = {}
    for run in runs:
        groups.setdefault(_group([run]), []).append(run)
    first = sorted(
        groups, key=lambda group: group == (False, frozenset())
    )  # what waits is begun late: Slurm is in order
    return [[some[i : i + size] for i in range(0, len(some), size)] for some in map(groups.__getitem__, first)]


class Submission:
    """The runs of a sweep that are still to be submitted."""

    def __init__(
        self,
        sweep: Sequence[Planned],
        missing: Sequence[Planned],
        params: Mapping[str, Any],
        runs: Path,
        context: HydraContext,
    ):
        """Nothing is submitted yet.

        Args:
            sweep: all its runs.
            missing: those to submit.
            params: of the launcher's configuration.
            runs: the folder of all runs.
            context: what Hydra's own part of each run needs.
        """
        size = params["runs_per_job"]
        self._packs = [pack for array in in_jobs(missing, size) for pack in array]
        self._ended: dict[Path, bool] = {}
        self._jobs: dict[Path, str] = {}
        self._params, self._runs, self._code = params, runs, code_version() if missing else {}
        self._context = context
        self._name = fingerprint([str(run.folder.relative_to(runs)) for run in sweep])
        self._alive, self._tried = 0, time.monotonic()
        self.file = index.record_waiting(runs, self._name, [])

    @property
    def left(self) -> set[Path]:
        """The folders of runs that are not submitted."""
        return {run.folder for pack in self._packs for run in pack}

    def forget(self, folders: set[Path]) -> None:
        """Others do these runs, or have done them."""
        packs = ([run for run in pack if run.folder not in folders] for pack in self._packs)
        self._packs = [pack for pack in packs if pack]

    def learn(self, found: Mapping[Path, Status]) -> None:
        """How runs are doing now: what waits for a stage that ended without success is not submitted any more."""
        left = self.left
        self._ended |= {at: one.state == "done" for at, one in found.items() if not one.alive and at not in left}
        lost = {folder for folder, done in self._ended.items() if not done}
        self.forget({run.folder for pack in self._packs for run in pack if not lost.isdisjoint(run.after.values())})

    def begin(self) -> None:
        """Submit all runs, or as many as Slurm takes now; the others stay in `left`, and that is told.

        Raises:
            UserError: Slurm refuses the jobs for another reason than their number, or though this user has none.
        """
        reason = self._submit_some(len(self._packs))
        if reason:
            log.warning("Slurm takes no more jobs now (%s): %d runs are not submitted yet.", reason, len(self.left))
            if OF_A_USER.search(reason) and not slurm.has_jobs():
                raise UserError(f"Slurm refuses the jobs ({reason}), though you have none in its queue.")

    def go_on(self, alive: int) -> None:
        """Submit as many jobs as have ended since; now and then more, for limits change and others' jobs end.

        Args:
            alive: runs of this sweep that are queued or running.
        """
        size, now = self._params["runs_per_job"], time.monotonic()
        jobs = (self._alive - alive) // size
        if now - self._tried >= SECONDS_BETWEEN_TRIES:
            jobs = max(jobs, 1, alive // size // 8)
        if not self._packs or jobs <= 0:
            self._alive = max(self._alive, alive)
            return
        before, self._tried = len(self.left), now
        self._submit_some(jobs)
        self._alive = alive + before - len(self.left)

    def _submit_some(self, jobs: int) -> str:
        """Submit so many jobs in arrays as large as Slurm takes them; why it takes no more, or nothing."""
        end, size, reason = len(self._packs) - min(jobs, len(self._packs)), jobs, ""
        try:
            while len(self._packs) > end and size:
                alike = sum(1 for _ in takewhile(lambda pack: _group(pack) == _group(self._packs[0]), self._packs))
                size = min(size, len(self._packs) - end)
                some = min(size, alike, slurm.largest_array(), slurm.room(size))
                try:
                    if not some:
                        raise Full("MaxJobCount")
                    self._submit(self._packs[:some])
                    del self._packs[:some]
                except Full as full:
                    size, reason = some // 2, str(full)
        finally:
            self.file = index.record_waiting(self._runs, self._name, sorted(self.left))
        return reason if self._packs else ""

    def _submit(self, packs: Sequence[Sequence[Planned]]) -> None:
        """One array; the runs' status says queued before Slurm has them, since a job may start at once."""
        folders = [[run.folder for run in pack] for pack in packs]
        new = [file for some in folders for folder in some if not (file := folder / "status.json").exists()]
        begun, most = time.time(), self._params["max_num_timeout"]
        at_once = {key: self._params[key] for key in ("processes", "runs_per_gpu")}
        calls = [
            Job(
                [run.bare for run in pack],
                self._context,
                self._code,
                most,
                {**at_once, "threads": pack[0].resolved["threads"]} if len(pack) > 1 else {},
                is_stage(pack[0]),
            )
            for pack in packs
        ]
        after: dict[Path, Mapping[str, Path]] = {run.folder: run.after for pack in packs for run in pack if run.after}
        dependency = self._dependency(packs[0][0])
        doubtful: list[str] = []
        ids: list[str] = []

        def ask() -> None:
            with undisturbed():
                ids[:] = sbatch(self._params, calls, doubtful, dependency)
                index.record(self._runs, list(zip(ids, folders, strict=True)), self._code, begun, after)

        for file in new:
            write_json(file, {"state": "queued"})
        try:
            slurm.patiently(ask)
        finally:
            for file in new if not ids else ():
                file.unlink(missing_ok=True)
        self._jobs |= {folder: job for job, some in zip(ids, folders, strict=True) for folder in some}
        log.info("submitted %d jobs with %d runs: %s", len(packs), sum(map(len, packs)), ids[0].partition("_")[0])

    def _dependency(self, run: Planned) -> str:
        """What Slurm is told that a job waits for: success of stages, the end of runs of another command."""
        left = [folder for folder in dict.fromkeys(run.after.values()) if folder not in self._ended]
        if any(folder not in self._jobs for folder in left):  # submitted by an earlier command
            self._jobs = {folder: one["job"] for folder, one in index.submissions(self._runs).items()} | self._jobs
        kinds = {folder: "afterok" if STAGES in folder.parts else "afterany" for folder in left if folder in self._jobs}
        return ",".join(dict.fromkeys(f"{kind}:{self._jobs[folder]}" for folder, kind in kinds.items()))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back requests to stop until the block has ended, also from commands it starts: none is half submitted."""
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
