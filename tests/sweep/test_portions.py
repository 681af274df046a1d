"""Slurm takes only so many jobs at once: what is submitted when, with a stand-in for sbatch. No Slurm is needed."""

import logging
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.config_loader import ConfigLoader
from hydra.types import HydraContext
from omegaconf import DictConfig

from modrobust.errors import UserError
from modrobust.sweep import index, launch, slurm, submit
from modrobust.sweep.job import Job
from modrobust.sweep.plan import Planned
from modrobust.sweep.sbatch import FULL, Full
from modrobust.sweep.submit import OF_A_USER, Submission

LIMIT = 13


class Queue:
    """Takes LIMIT jobs."""

    def __init__(self) -> None:
        self.jobs, self.asked = 0, 0

    def take(self, calls: Sequence[Job]) -> list[str]:
        self.asked += 1
        if self.jobs + len(calls) > LIMIT:
            raise Full("AssocMaxSubmitJobLimit")
        self.jobs += len(calls)
        return [f"{self.asked}_{i}" for i in range(len(calls))]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    queue = Queue()
    monkeypatch.setattr(submit, "sbatch", lambda params, calls, doubtful, dependency: queue.take(calls))
    monkeypatch.setattr(slurm, "largest_array", lambda: 1000)
    monkeypatch.setattr(slurm, "room", lambda wanted: wanted)
    monkeypatch.setattr(slurm, "has_jobs", lambda: queue.jobs > 0)
    return queue


def submission(runs: Path, count: int = 24, pack: int = 1) -> Submission:
    folders = [runs / f"digits/modules-small_cnn/seed{i:02}-a" for i in range(count)]
    run = partial(Planned, content={}, hydra=DictConfig({}), resolved={"threads": 1})
    sweep = [run((f"seed={i}",), folder) for i, folder in enumerate(folders)]
    params: dict[str, Any] = {"runs_per_job": pack, "max_num_timeout": 1, "processes": None, "runs_per_gpu": 1}
    return Submission(sweep, sweep, params, runs, HydraContext(cast(ConfigLoader, None), Callbacks()))


def test_what_is_allowed_is_submitted_and_the_rest_as_jobs_end(
    queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sweep = submission(tmp_path)
    with caplog.at_level(logging.INFO):
        sweep.begin()
    assert queue.jobs == LIMIT and len(sweep.left) == 24 - LIMIT
    said = "Slurm takes no more jobs now (AssocMaxSubmitJobLimit): 11 runs are not submitted yet."
    assert caplog.messages[-1] == said
    assert set(index.waiting(tmp_path)) == sweep.left
    assert not any((folder / "status.json").exists() for folder in sweep.left)
    sweep.go_on(13)  # nothing has ended
    asked = queue.asked
    for alive in (9, 13, 8, 13):
        queue.jobs = alive
        sweep.go_on(alive)
    assert queue.jobs == 13 and len(sweep.left) == 2 and queue.asked == asked + 2
    sweep.forget(set(list(sweep.left)[:1]))  # another command does it
    queue.jobs = 3
    sweep.go_on(3)
    assert queue.jobs == 4 and not sweep.left and not index.waiting(tmp_path)
    assert len(index.submissions(tmp_path)) == 23


def test_jobs_of_several_runs_are_counted_as_jobs(queue: Queue, tmp_path: Path) -> None:
    sweep = submission(tmp_path, count=100, pack=5)
    sweep.begin()
    assert queue.jobs == LIMIT and len(sweep.left) == 35
    sweep.go_on(65)
    queue.jobs = 12
    sweep.go_on(62)  # three of five runs of a job are done
    assert queue.jobs == 12
    sweep.go_on(60)
    assert queue.jobs == 13 and len(sweep.left) == 30


def test_now_and_then_more_is_tried(queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = submission(tmp_path)
    sweep.begin()
    sweep.go_on(13)
    queue.jobs = 0  # others' jobs have ended, too, or the limit is another
    monkeypatch.setattr("modrobust.sweep.submit.SECONDS_BETWEEN_TRIES", 0)
    sweep.go_on(13)
    assert queue.jobs == 1


def test_a_user_who_may_have_no_job_at_all_is_told(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "LIMIT", 0)
    with pytest.raises(UserError, match=r"Slurm refuses the jobs \(AssocMaxSubmitJobLimit\), though you have none"):
        submission(tmp_path).begin()
    assert not list(tmp_path.rglob("status.json"))


def test_who_stops_waiting_is_told_what_goes_on(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(slurm, "states", lambda jobs, users: dict.fromkeys(jobs, "PENDING"))

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "time", SimpleNamespace(monotonic=time.monotonic, sleep=stop))
    sweep = submission(tmp_path / "runs")
    planned = [run for pack in sweep._packs for run in pack]
    with caplog.at_level(logging.INFO), pytest.raises(KeyboardInterrupt):
        sweep.begin()
        launch._wait(planned, sweep, tmp_path / "runs")
    assert caplog.messages[-1] == (
        "not waiting any longer: 13 runs go on in Slurm; scancel 2 6 ends them. 11 runs are not submitted yet. "
        "The same command waits again, submits the rest and tells what failed; modrobust-report --status runs looks."
    )


@pytest.mark.parametrize(
    ("said", "full", "of_a_user"),
    [
        ("sbatch: error: AssocMaxSubmitJobLimit", True, True),
        ("sbatch: error: QOSMaxSubmitJobPerUserLimit", True, True),
        ("sbatch: error: AssocGrpSubmitJobsLimit", True, True),
        ("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying", True, False),
        ("sbatch: error: Batch job submission failed: Resource temporarily unavailable", True, False),
        ("sbatch: error: QOSMaxWallDurationPerJobLimit", False, False),
        ("sbatch: error: Batch job submission failed: Invalid feature specification", False, False),
        ("sbatch: error: Batch job submission failed: Requested node configuration is not available", False, False),
    ],
)
def test_limits_on_the_number_of_jobs_are_told_from_other_refusals(said: str, full: bool, of_a_user: bool) -> None:
    assert (bool(FULL.search(said)), bool(OF_A_USER.search(said))) == (full, of_a_user)
    assert not slurm.HICCUP.search(said)
