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
from modrobust.sweep.changed import with_data
from modrobust.sweep.notify import Notify
from modrobust.sweep.plan import Composer, Planned, counted, plan
from modrobust.sweep.stages import staged
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
    stages, missing = to_do(planned, runs, params["split"] == "parts")
    submission = Submission(planned, [*stages, *missing], params, runs, compose.context)
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
        _wait([*stages, *planned], submission, runs, Notify(params["notify"], runs))
    return finished(planned, [*stages, *missing], runs)


def to_do(planned: Sequence[Planned], runs: Path, split: bool) -> tuple[list[Planned], list[Planned]]:
    """The stages and the runs that are neither done nor queued nor running (see `staged`); their number is told."""
    found = with_data(planned, statuses([run.folder for run in planned], runs))
    stages, missing = staged(planned, found, runs, split)
    count = Counter(status.state for status in found.values())
    told = [f"{count[state]} {state}" for state in ("done", "queued", "running")]
    log.info("%s: %s; %d to do", counted(planned), ", ".join(told), len(missing))
    if stages:
        which = Counter(stage.overrides[0].removesuffix(" of").partition("-")[0] for stage in stages)
        pieces = ", ".join(f"{number} {name}" for name, number in which.items())
        log.info("first, each by one job: %s", pieces)
    return stages, missing


def finished(planned: Sequence[Planned], begun: Sequence[Planned], runs: Path) -> list[JobReturn]:
    """What Hydra is given at the end of a sweep.

    Args:
        planned: its runs.
        begun: what was to do: stages, then runs, which know what they wait for.
        runs: the folder of all runs.

    Raises:
        NotDone: runs are not done; each is listed with its first line of error and its log, after their stages.
    """
    after = {run.folder: run.after for run in begun}
    found = statuses(
        [run.folder for run in planned] + [folder for some in after.values() for folder in some.values()], runs
    )
    found = with_data(planned, found)
    failed = [run for run in planned if found[run.folder].state != "done"]
    needed = {folder for run in failed for folder in after.get(run.folder, {}).values()}
    stages = [run for run in begun if run.folder in needed and found[run.folder].state != "done"]
    for run in (*stages, *failed):
        status = found[run.folder]
        below = [name for name, folder in after.get(run.folder, {}).items() if found[folder].state != "done"]
        if below and run.folder in needed:  # a stage that could not start; the one below it is listed
            continue
        error = status.error or (f"could not start: its {below[0]} is not trained" if below else "no message")
        log.error("%s: %s: %s (%s)", status.state, " ".join(run.overrides), error, status.log)
    if failed:
        raise NotDone(f"{len(failed)} of {len(planned)} runs are not done; the same command tries them again.")
    log.info("all done, %s: %s", counted(planned), runs)
    return _returns(planned)


def _wait(awaited: Sequence[Planned], submission: Submission, runs: Path, notify: Notify | None = None) -> None:
    """Until none is queued, running or still to be submitted."""
    watch, begun, ended = Watch(runs), time.monotonic(), Counter[str]()
    outstanding, found = [run.folder for run in awaited], dict[Path, Status]()
    with tally(len(awaited), notify) as shown:
        try:
            while True:
                found = watch.look(outstanding)
                submission.learn(found)
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
