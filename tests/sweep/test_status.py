"""How runs are doing: what Slurm's commands say, with stand-ins for them, and signs of life. No Slurm is needed."""

import json
import os
import platform
import time
from pathlib import Path

import pytest

from modrobust.store.heartbeat import heartbeat
from modrobust.sweep import index
from modrobust.sweep.status import SILENT, Status, statuses


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that print what Slurm 22.05 printed; sacct's of jobs with and without steps."""
    sacct = """\
7_0|TIMEOUT
7_0.batch|CANCELLED
7_1|FAILED
7_1.batch|FAILED
7_1.0|OUT_OF_MEMORY
7_2|CANCELLED by 1000
7_3|NODE_FAIL
7_4|COMPLETED
7_[5-9]|PENDING"""
    for name, text in (("squeue", "8_0 RUNNING\n8_1 PENDING\n9 FAILED"), ("sacct", sacct)):
        command = tmp_path / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")


def of(runs: Path, job: str | None, **content: object) -> Status:
    """The status of a run with this status.json, submitted as this job."""
    folder = runs / "run"
    folder.mkdir(parents=True, exist_ok=True)
    if job:
        index.record(runs, [(job, [folder])], {}, time.time() - 1)
    (folder / "status.json").write_text(json.dumps(content))
    return statuses([folder], runs)[folder]


@pytest.mark.parametrize(
    ("job", "state", "error"),
    [
        ("7_0", "lost", "its Slurm job 7_0 was ended at its time limit"),
        ("7_1", "lost", "its Slurm job 7_1 ran out of memory"),
        ("7_2", "lost", "its Slurm job 7_2 was cancelled"),
        ("7_3", "lost", "its Slurm job 7_3 lost its node"),
        ("7_4", "lost", "its Slurm job 7_4 ended without this run"),
        ("6", "lost", "its Slurm job 6 is gone"),
        ("9", "lost", "its Slurm job 9 failed"),
        ("8_0", "running", None),
        ("8_1", "queued", None),
    ],
)
@pytest.mark.usefixtures("stand_in")
def test_what_slurm_says_of_a_run_that_was_running(tmp_path: Path, job: str, state: str, error: str | None) -> None:
    status = of(tmp_path / "runs", job, state="running", slurm_job_id=job)
    assert (status.state, status.error) == (state, error)


@pytest.mark.usefixtures("stand_in")
def test_without_accounting_the_jobs_log_tells(tmp_path: Path) -> None:
    (tmp_path / "bin/sacct").write_text("#!/bin/sh\necho 'Slurm accounting storage is disabled' >&2; exit 1\n")
    log = tmp_path / "runs/.submitit/9/9_0_log.err"
    log.parent.mkdir(parents=True)
    log.write_text("slurmstepd: error: *** JOB 9 ON n CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT ***\n")
    status = of(tmp_path / "runs", "9", state="running", slurm_job_id="9")
    assert (status.error, status.log) == ("its Slurm job 9 was ended at its time limit", log)


def test_signs_of_life_tell_of_a_run_on_another_machine(tmp_path: Path) -> None:
    content = {"state": "running", "slurm_job_id": None, "host": "elsewhere", "updated": "2026-01-01T00:00:00+0000"}
    status = of(tmp_path, None, **content)
    assert status.state == "running" and status.since == 1767225600
    file = tmp_path / "run/status.json"
    os.utime(file, (0, time.time() - SILENT - 1))
    assert statuses([file.parent], tmp_path)[file.parent].state == "lost"
    with heartbeat(file, seconds=0.01):
        time.sleep(0.2)
    assert statuses([file.parent], tmp_path)[file.parent].state == "running"


def test_on_this_machine_the_process_tells(tmp_path: Path) -> None:
    here = {"state": "running", "slurm_job_id": None, "host": platform.node()}
    assert of(tmp_path, None, **here, pid=os.getpid()).state == "running"
    assert of(tmp_path, None, **here, pid=2**22 + 1).state == "lost"


def test_a_status_that_was_edited_or_cut_is_no_reason_to_fail(tmp_path: Path) -> None:
    status = of(tmp_path, None, state="running", updated="yesterday", pid="none", host=platform.node())
    assert status.state == "lost"
    (tmp_path / "run" / "status.json").write_text('{"state": "do')
    status = statuses([tmp_path / "run"], tmp_path)[tmp_path / "run"]
    assert (status.state, status.error) == ("missing", "its status.json is damaged")
