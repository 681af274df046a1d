"""Locks where the file system has flock, and where it has not."""

import errno
import fcntl
import json
import logging
import os
import platform
import time
from pathlib import Path
from threading import Thread

import pytest

from modrobust.store import lock as module
from modrobust.store.lock import SILENT, Lock, Timeout

ERRORS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@pytest.fixture(params=["flock", *ERRORS], ids=["flock", *map(errno.errorcode.get, ERRORS)])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with flock, and those that refuse it."""
    if request.param != "flock":
        without_flock(monkeypatch, request.param)


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    without_flock(monkeypatch, errno.ENOLCK)


def without_flock(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(module, "_said", set())


@pytest.mark.usefixtures("file_system")
def test_one_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with Lock(file):
        with pytest.raises(Timeout):
            Lock(file).acquire(timeout=0)
        begun = time.monotonic()
        with pytest.raises(Timeout):
            Lock(file).acquire(timeout=0.2)
        assert time.monotonic() - begun >= 0.2
    with Lock(file).acquire(timeout=0):
        pass
    Lock(file).release()  # not held


@pytest.mark.usefixtures("file_system")
def test_many_who_wait_lose_nothing(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")

    def add() -> None:
        for _ in range(10):
            with Lock(tmp_path / "lock"):
                count.write_text(str(int(count.read_text()) + 1))

    threads = [Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count.read_text() == "80"
    assert {file.name for file in tmp_path.iterdir()} <= {"count", "lock"}


@pytest.mark.usefixtures("no_flock")
def test_it_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        with Lock(tmp_path / "lock"):
            pass
    (said,) = caplog.messages
    assert said.startswith(f"the file system of {tmp_path} has no locks (flock: No locks available)")


@pytest.mark.parametrize(
    ("host", "pid", "age", "abandoned"),
    [
        (platform.node(), 2**22 + 1, 0, True),  # killed here
        (platform.node(), os.getpid(), 0, False),
        (platform.node(), 1, SILENT + 60, True),  # killed here, and its id is used again
        ("elsewhere", 2**22 + 1, 0, False),
        ("elsewhere", 1, SILENT + 60, True),
    ],
    ids=["killed", "alive", "its id used again", "elsewhere", "elsewhere and silent"],
)
@pytest.mark.usefixtures("no_flock")
def test_a_killed_holder_does_not_block_for_ever(
    tmp_path: Path, host: str, pid: int, age: float, abandoned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    owner = tmp_path / "lock.owner"
    owner.write_text(json.dumps({**module._machine(), "host": host, "pid": pid, "token": "another"}))
    os.utime(owner, (0, time.time() - age))
    if abandoned:
        with Lock(tmp_path / "lock").acquire(timeout=0):
            assert json.loads(owner.read_text())["pid"] == os.getpid()
        assert f"process {pid} on {host} holds it no longer" in caplog.text and not owner.exists()
    else:
        with pytest.raises(Timeout):
            Lock(tmp_path / "lock").acquire(timeout=0)
        assert json.loads(owner.read_text())["token"] == "another"


@pytest.mark.usefixtures("no_flock")
def test_a_holder_shows_that_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_SIGNS", 0.01)
    with Lock(tmp_path / "lock"):
        os.utime(tmp_path / "lock.owner", (0, 0))
        time.sleep(0.2)
        assert time.time() - (tmp_path / "lock.owner").stat().st_mtime < SILENT


@pytest.mark.usefixtures("no_flock")
def test_a_half_written_owner_counts_by_its_age(tmp_path: Path) -> None:
    (tmp_path / "lock.owner").touch()
    with pytest.raises(Timeout):
        Lock(tmp_path / "lock").acquire(timeout=0)
    os.utime(tmp_path / "lock.owner", (0, 0))
    with Lock(tmp_path / "lock").acquire(timeout=0):
        pass


@pytest.mark.usefixtures("no_flock")
def test_no_lock_of_the_project_needs_flock() -> None:
    """All go through `Lock`."""
    package = Path(module.__file__).parent.parent
    using = [file for file in package.rglob("*.py") if "filelock" in file.read_text(encoding="utf-8")]
    assert using == [Path(module.__file__)]


def test_other_errors_are_those_of_the_lock(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(FileNotFoundError), caplog.at_level(logging.WARNING):
        module._Owned(tmp_path / "missing/lock").acquire(timeout=0)
    assert not caplog.messages
