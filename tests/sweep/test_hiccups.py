"""Slurm's controller does not answer for a while, with stand-ins for Slurm's commands. No Slurm is needed."""

import json
import logging
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modrobust.errors import UserError
from modrobust.sweep import index, slurm
from modrobust.sweep.show import show_status
from modrobust.sweep.status import SILENT, Watch, statuses

SAID = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
Fails = Callable[[int], Path]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between questions, in place of which time only seems to pass."""
    made: list[float] = []
    now = time.monotonic()
    monkeypatch.setattr(slurm, "monotonic", lambda: now + sum(made))
    monkeypatch.setattr(slurm, "sleep", made.append)
    return made


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fails:
    """A stand-in for squeue that fails so many times before it knows of jobs 8_0 and 8_1; its log of questions."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")

    def squeue(times: int, said: str = SAID) -> Path:
        (place / "squeue").write_text(
            f'#!/bin/sh\necho "$@" >> {place}/asked\n[ $(wc -l < {place}/asked) -gt {times} ] || '
            f'{{ echo "{said}" >&2; exit 1; }}\necho 8_0 RUNNING\necho 8_1 PENDING\n'
        )
        (place / "squeue").chmod(0o755)
        return place / "asked"

    return squeue


def submitted(runs: Path, job: str, **content: object) -> Path:
    folder = runs / f"digits/modules-small_cnn/seed{job.replace('_', '')}-a"
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps(content))
    (folder / "config.yaml").touch()
    index.record(runs, [(job, [folder])], {}, time.time() - 1)
    return folder


def test_a_launcher_asks_again_with_growing_pauses_and_says_so_once(
    squeue: Fails, tmp_path: Path, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    squeue(5)
    folder = submitted(tmp_path, "8_1", state="queued")
    with caplog.at_level(logging.INFO):
        assert statuses([folder], tmp_path)[folder].state == "queued"
    assert len(pauses) == 5 and pauses == sorted(pauses) and pauses[0] < pauses[-1]
    first, last = caplog.messages
    assert first.startswith(f"Slurm does not answer (squeue failed: {SAID}): asking again") and "again" in last


def test_it_does_so_for_ten_minutes_at_least_and_then_gives_up_in_one_line(
    squeue: Fails, tmp_path: Path, pauses: list[float]
) -> None:
    squeue(10**6)
    folder = submitted(tmp_path, "8_1", state="queued")
    with pytest.raises(UserError, match="squeue failed: slurm_load_jobs error: Unable to contact"):
        statuses([folder], tmp_path)
    assert sum(pauses) >= 600


def test_what_does_not_pass_by_itself_is_told_at_once(squeue: Fails, tmp_path: Path, pauses: list[float]) -> None:
    squeue(1, "squeue: fatal: Unable to process configuration file")  # type: ignore[call-arg]
    folder = submitted(tmp_path, "8_1", state="queued")
    with pytest.raises(UserError, match="configuration file"):
        statuses([folder], tmp_path)
    assert not pauses


def test_status_falls_back_on_folders_and_says_so(
    squeue: Fails, tmp_path: Path, pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    squeue(10**6)
    here = {"state": "running", "host": platform.node()}
    elsewhere = {"state": "running", "host": "elsewhere", "pid": 1}
    submitted(tmp_path, "7_0", **here, slurm_job_id="7_0", pid=2**22 + 1)
    submitted(tmp_path, "7_1", **here, slurm_job_id="7_1", pid=os.getpid())
    submitted(tmp_path, "7_2", **elsewhere, slurm_job_id="7_2")
    silent = submitted(tmp_path, "7_3", **elsewhere, slurm_job_id="7_3") / "status.json"
    os.utime(silent, (0, time.time() - SILENT - 1))
    submitted(tmp_path, "7_4", state="queued")
    submitted(tmp_path, "7_5", state="done")
    show_status([tmp_path])
    note, count, *_ = capsys.readouterr().out.splitlines()
    assert note == f"squeue failed: {SAID} What follows is told by the runs' folders and their signs of life alone."
    assert count == f"{tmp_path}: 1 done, 2 running, 1 queued, 2 lost"
    assert not pauses


def test_slurm_is_asked_for_ones_own_jobs_that_are_not_done(squeue: Fails, tmp_path: Path) -> None:
    asked = squeue(0)
    done, open_one = submitted(tmp_path, "7_0", state="done"), submitted(tmp_path, "8_0", state="queued")
    assert statuses([done], tmp_path)[done].state == "done" and not asked.exists()
    assert statuses([done, open_one], tmp_path)[open_one].state == "queued"
    assert asked.read_text().strip().endswith(f"--user={os.getuid()} --jobs=8")


@pytest.mark.parametrize("jobs", [["7_0"], ["7_0", "8_0"]])
def test_jobs_that_slurm_has_forgotten_are_gone(squeue: Fails, jobs: list[str]) -> None:
    squeue(1, "slurm_load_jobs error: Invalid job id specified")  # type: ignore[call-arg]
    assert slurm.states(jobs) == ({"8_0": "RUNNING", "8_1": "PENDING"} if len(jobs) > 1 else {})


def test_only_files_that_have_changed_are_read_again(
    squeue: Fails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue(0)
    folders = [submitted(tmp_path, job, state="queued") for job in ("8_0", "8_1")]
    watch = Watch(tmp_path)
    watch.look(folders)
    monkeypatch.setattr("modrobust.sweep.status.read_json", lambda file: read.append(file) or {"state": "done"})
    read: list[Path] = []
    assert [one.state for one in watch.look(folders).values()] == ["queued", "queued"] and not read
    os.utime(folders[1] / "status.json", (0, 0))
    assert watch.look(folders)[folders[1]].state == "done" and read == [folders[1] / "status.json"]


def test_what_is_only_to_be_submitted_is_not_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    folder = runs / "digits/modules-small_cnn/seed0-a"
    file = index.record_waiting(runs, "sweep", [folder])
    show_status([tmp_path])
    count, _, line, why = capsys.readouterr().out.splitlines()
    assert count == f"{tmp_path}: 0 done, 1 waiting" and line.startswith("waiting")
    assert f"process {os.getpid()} on {platform.node()} submits it later" in why
    file.write_text(file.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {2**22 + 1}'))
    show_status([tmp_path])
    assert "not submitted; the same command does that" in capsys.readouterr().out
    folder.mkdir(parents=True)
    (folder / "status.json").write_text('{"state": "failed", "error": "alas"}')  # since then, by a single command
    assert statuses([folder], runs)[folder].state == "failed"
    assert not index.record_waiting(runs, "sweep", []).exists()
