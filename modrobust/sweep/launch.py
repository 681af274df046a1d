"""Submitting a sweep to Slurm: what is missing, in arrays of jobs, each with one or several runs; then waiting."""

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig

from modrobust.config.identity import plain
from modrobust.config.values import check_values
from modrobust.errors import NotDone, UserError
from modrobust.store.files import write_json
from modrobust.store.provenance import code_version
from modrobust.sweep import index, slurm
from modrobust.sweep.job import Job
from modrobust.sweep.plan import Compose, Planned, counted, plan
from modrobust.sweep.status import statuses

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 2.0
SECONDS_BETWEEN_LINES = 60.0
OURS = ("runs_per_job", "wait", "python", "submitit_folder", "max_num_timeout")
BASE = (
    "timeout_min",
    "cpus_per_task",
    "gpus_per_node",
    "tasks_per_node",
    "mem_gb",
    "nodes",
    "name",
    "stderr_to_stdout",
)


def launch(
    params: Mapping[str, Any], compose: Compose, config: DictConfig, jobs: Sequence[Sequence[str]]
) -> list[JobReturn]:
    """Do a sweep's runs on Slurm; those that are done are left alone, those that are queued waited for.

    Args:
        params: of the launcher's configuration.
        compose: makes a run's configuration from its overrides.
        config: of the sweep.
        jobs: each run's overrides.

    Raises:
        UserError: a value of the launcher is wrong; two runs are the same; Slurm refuses; or, at the end, runs failed:
            each is listed before.
    """
    check_values(plain(config.hydra.launcher), "hydra.launcher.")
    runs = Path(str(config.hydra.sweep.dir)).absolute()
    planned = plan(jobs, compose, runs)
    missing = missing_of(planned, runs)
    submit(missing, params, runs)
    if not params["wait"]:
        log.info("not waiting: the same command tells later how they are doing, modrobust-report --status too.")
        return _returns(planned)
    _wait(planned, runs)
    return finished(planned, runs)


def missing_of(planned: Sequence[Planned], runs: Path) -> list[Planned]:
    """The runs that are neither done nor queued nor running; their number is told."""
    found = statuses([run.folder for run in planned], runs)
    missing = [run for run in planned if not found[run.folder].alive and found[run.folder].state != "done"]
    count = Counter(status.state for status in found.values())
    told = [f"{count[state]} {state}" for state in ("done", "queued", "running")]
    log.info("%s: %s; %d to do", counted(planned), ", ".join(told), len(missing))
    return missing


def finished(planned: Sequence[Planned], runs: Path) -> list[JobReturn]:
    """What Hydra is given at the end of a sweep.

    Raises:
        NotDone: runs are not done; each is listed with its first line of error and its log.
    """
    after = statuses([run.folder for run in planned], runs)
    failed = [run for run in planned if after[run.folder].state != "done"]
    for run in failed:
        status = after[run.folder]
        log.error("%s: %s: %s (%s)", status.state, " ".join(run.overrides), status.error or "no message", status.log)
    if failed:
        raise NotDone(f"{len(failed)} of {len(planned)} runs are not done; the same command tries them again.")
    log.info("all done, %s: %s", counted(planned), runs)
    return _returns(planned)


def submit(missing: Sequence[Planned], params: Mapping[str, Any], runs: Path) -> None:
    """Submit runs in jobs of `runs_per_job`, in arrays as large as Slurm allows. Raises UserError where it refuses."""
    if not missing:
        return
    import submitit  # here, for it takes a while
    from submitit.core.utils import FailedJobError

    code = code_version()
    size = params["runs_per_job"]
    packs = [missing[start : start + size] for start in range(0, len(missing), size)]
    options = {"slurm_python": params["python"]} if params["python"] else {}
    executor = submitit.AutoExecutor(
        folder=params["submitit_folder"], cluster="slurm", slurm_max_num_timeout=params["max_num_timeout"], **options
    )
    executor.update_parameters(
        **{key if key in BASE else f"slurm_{key}": value for key, value in params.items() if key not in OURS}
    )
    for start in range(0, len(packs), slurm.largest_array()):
        some = packs[start : start + slurm.largest_array()]
        calls = [
            Job([(run.overrides, str(run.folder)) for run in pack], code, params["max_num_timeout"]) for pack in some
        ]
        begun = time.time()
        new = [file for pack in some for run in pack if not (file := run.folder / "status.json").exists()]
        for file in new:  # before Slurm has them: a job may start at once
            write_json(file, {"state": "queued"})
        try:
            with executor.batch():
                submitted = [executor.submit(call) for call in calls]
        except FailedJobError as error:
            for file in new:
                file.unlink()
            reason = (str(error).strip().splitlines() or ["no message"])[-1]
            raise UserError(f"Slurm refuses the jobs: {reason}; see hydra.launcher.* and sinfo.") from error
        ids = [job.job_id for job in submitted]
        index.record(runs, list(zip(ids, [[run.folder for run in pack] for pack in some], strict=True)), code, begun)
        log.info("submitted %d jobs with %d runs: %s", len(some), sum(map(len, some)), ids[0].partition("_")[0])


def _wait(planned: Sequence[Planned], runs: Path) -> None:
    """Until none is queued or running any more."""
    outstanding, said = [run.folder for run in planned], time.monotonic()
    while outstanding:
        found = statuses(outstanding, runs)
        outstanding = [folder for folder in outstanding if found[folder].alive]
        if outstanding and time.monotonic() - said >= SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            running = sum(found[folder].state == "running" for folder in outstanding)
            log.info("%d runs to wait for, %d of them running", len(outstanding), running)
        if outstanding:
            time.sleep(SECONDS_BETWEEN_LOOKS)


def _returns(planned: Sequence[Planned]) -> list[JobReturn]:
    """What Hydra asks for; the results themselves are in the runs' folders."""
    returns = []
    for run in planned:
        one = JobReturn(overrides=list(run.overrides), working_dir=str(run.folder), status=JobStatus.COMPLETED)
        one.return_value = None
        returns.append(one)
    return returns
