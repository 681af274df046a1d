"""A sweep on Slurm: what is missing is submitted, then waited for."""

import logging
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus

from modrobust.config.identity import plain
from modrobust.config.values import check_values
from modrobust.errors import NotDone
from modrobust.interrupt import handled
from modrobust.store.heartbeat import heartbeat
from modrobust.sweep.plan import Composer, Planned, counted, plan
from modrobust.sweep.status import Status, Watch, statuses
from modrobust.sweep.submit import Submission
from modrobust.sweep.tally import tally

log = logging.getLogger(__name__)

SHORTEST_PAUSE, LONGEST_PAUSE = 2.0, 30.0  # seconds between two looks, growing as one waits


@handled()
def launch(params: Mapping[str, Any], compose: Composer, jobs: Sequence[Sequence[str]]) -> list[JobReturn]:
    """Do a sweep's runs on Slurm; those that are done are left alone, those that are queued waited for.

    Args:
        params: of the launcher's configuration.
        compose: makes a run's configuration from its overrides.
        jobs: each run's overrides.

    Raises:
        UserError: a value of the launcher or of a run is wrong; two runs are the same; Slurm refuses; or, at the end,
            runs failed: each is listed before.
    """
    check_values(plain(compose.config.hydra.launcher), "hydra.launcher.")
    runs = Path(str(compose.config.hydra.sweep.dir)).absolute()
    planned = plan(jobs, compose, runs)
    missing = missing_of(planned, runs)
    submission = Submission(planned, missing, params, runs, compose.context)
    try:
        submission.begin()
    except KeyboardInterrupt:
        log.warning("stopped: %d runs are not submitted; the same command does that.", len(submission.left))
        raise
    if not params["wait"]:
        rest = f" and submits the {len(submission.left)} that are left" if submission.left else ""
        log.info("not waiting: the same command tells later how they are doing%s, modrobust-report --status too.", rest)
        return _returns(planned)
    with heartbeat(submission.file):
        _wait(planned, submission, runs)
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


def _wait(planned: Sequence[Planned], submission: Submission, runs: Path) -> None:
    """Until none is queued, running or still to be submitted."""
    watch, begun, ended = Watch(runs), time.monotonic(), Counter[str]()
    outstanding, found = [run.folder for run in planned], dict[Path, Status]()
    with tally(len(planned)) as shown:
        try:
            while True:
                found = watch.look(outstanding)
                submission.forget({folder for folder, one in found.items() if one.alive or one.state == "done"})
                left = submission.left
                outstanding = [folder for folder, one in found.items() if one.alive or folder in left]
                ended.update(one.state for folder, one in found.items() if not one.alive and folder not in left)
                running = sum(one.state == "running" for one in found.values())
                shown.show(ended["done"], ended.total() - ended["done"], running, len(left))
                if not outstanding:
                    return
                submission.go_on(len(outstanding) - len(left))
                time.sleep(min(LONGEST_PAUSE, SHORTEST_PAUSE + (time.monotonic() - begun) / 5))
        except KeyboardInterrupt:
            shown.note(_afterwards(found, submission, runs))
            raise


def _afterwards(found: Mapping[Path, Status], submission: Submission, runs: Path) -> str:
    """What one should know who stops waiting."""
    jobs = sorted({one.job.partition("_")[0] for one in found.values() if one.alive and one.job})
    ending = f"; scancel {' '.join(jobs[:10])}{' ...' if len(jobs) > 10 else ''} ends them" if jobs else ""
    told = f"not waiting any longer: {sum(one.alive for one in found.values())} runs go on in Slurm{ending}."
    if submission.left:
        told += f" {len(submission.left)} runs are not submitted yet."
    return (
        f"{told} The same command waits again{', submits the rest' * bool(submission.left)} and tells what failed; "
        f"modrobust-report --status {os.path.relpath(runs)} looks."
    )


def _returns(planned: Sequence[Planned]) -> list[JobReturn]:
    """What Hydra asks for; the results themselves are in the runs' folders."""
    returns = []
    for run in planned:
        one = JobReturn(overrides=list(run.overrides), working_dir=str(run.folder), status=JobStatus.COMPLETED)
        one.return_value = None
        returns.append(one)
    return returns
