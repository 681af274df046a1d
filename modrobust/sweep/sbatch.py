"""Jobs handed to Slurm by submitit, and what sbatch says when it takes none."""

import io
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from typing import Any

from modrobust.errors import UserError
from modrobust.sweep import slurm
from modrobust.sweep.job import Job

OURS = (
    "runs_per_job",
    "processes",
    "runs_per_gpu",
    "split",
    "notify",
    "wait",
    "python",
    "submitit_folder",
    "max_num_timeout",
)
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
DEAF = """sh -c 'trap "" TERM; exec "$@"' sh"""
"""Starts a program that is deaf to SIGTERM until it asks for it: a job that ends by the SIGTERM of a preemption, as it
would while Python starts, does not come back; one that is killed after its grace time does."""
FULL = re.compile(r"SubmitJob|Resource temporarily unavailable|unable to accept job|queue full", re.IGNORECASE)
"""What sbatch prints where a user's jobs (MaxSubmitJobs) or all jobs (MaxJobCount) are as many as allowed."""


class Full(UserError):
    """Slurm takes no more jobs now."""


def sbatch(params: Mapping[str, Any], calls: Sequence[Job], doubtful: list[str], dependency: str = "") -> list[str]:
    """Submit jobs as one array; their ids.

    Args:
        params: of the launcher's configuration.
        calls: what each does.
        doubtful: scripts of which sbatch did not hear whether they were accepted; they are cancelled first.
        dependency: what they wait for, in sbatch's words.

    Raises:
        Full: there are as many jobs as allowed; Unreachable: Slurm does not answer; UserError: it refuses them.
    """
    from submitit.core.utils import FailedJobError  # here, for it takes a while

    while doubtful:
        slurm.cancel(doubtful[-1])
        doubtful.pop()
    executor = _executor(params, dependency)
    try:
        with redirect_stderr(io.StringIO()), executor.batch():
            submitted = [executor.submit(call) for call in calls]
    except FailedJobError as error:
        said = str(error).strip() or "no message"
        if FULL.search(said):
            raise Full(said.splitlines()[0].removeprefix("sbatch: ").removeprefix("error: ")) from error
        if slurm.HICCUP.search(said):
            doubtful.append(getattr(error.__cause__, "cmd", [""])[-1])
            raise slurm.Unreachable(said.splitlines()[-1]) from error
        raise UserError(f"Slurm refuses the jobs: {said.splitlines()[-1]}; see hydra.launcher.* and sinfo.") from error
    return [job.job_id for job in submitted]


def _executor(params: Mapping[str, Any], dependency: str) -> Any:
    import submitit

    if dependency:  # a job whose stage fails must not stay in the queue for ever
        invalid = {"kill-on-invalid-dep": "yes", **(params["additional_parameters"] or {})}
        params = {**params, "dependency": dependency, "additional_parameters": invalid}
    python = f"{DEAF} {params['python'] or shlex.quote(sys.executable)}"
    most = params["max_num_timeout"]
    executor = submitit.AutoExecutor(
        folder=params["submitit_folder"], cluster="slurm", slurm_max_num_timeout=most, slurm_python=python
    )
    executor.update_parameters(
        **{key if key in BASE else f"slurm_{key}": value for key, value in params.items() if key not in OURS}
    )
    return executor
