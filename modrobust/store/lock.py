"""Locks between processes, on one machine or several: flock where the file system has it, else a file with an owner.

Network file systems (NFS, Lustre) are often mounted without flock. There the lock is a file that only one process can
create. It names its owner and is touched again and again; where the owner has died, or has not been heard of for
SILENT seconds, the next takes the lock over. Time is the file system's own, not that of a machine.
"""

import errno
import fcntl
import json
import logging
import os
import platform
import time
import uuid
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from modrobust.store.files import read_json
from modrobust.store.heartbeat import heartbeat

__all__ = ["Lock", "Timeout"]

log = logging.getLogger(__name__)

NO_FLOCK = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
SILENT = 240.0
SECONDS_BETWEEN_SIGNS = 15.0
LONGEST_PAUSE = 2.0
_said: set[int] = set()


class Lock:
    """Held by one process at a time. A process that is killed holds it no longer, or not for long.

    A context manager; `acquire` returns it, so that ``with lock.acquire(timeout=0):`` does what it says.
    """

    def __init__(self, path: Path) -> None:
        """Not held yet; the folder of `path` must exist when it is acquired."""
        self._path = path
        self._held: FileLock | _Owned | None = None

    def acquire(self, timeout: float = -1) -> "Lock":
        """Take the lock; waits so many seconds at most, for ever where negative.

        Raises:
            Timeout: another process has it.
            OSError: the folder is missing or cannot be written.
        """
        kind = FileLock if flock_works(self._path.parent) else _Owned
        held = kind(self._path)
        held.acquire(timeout=timeout)
        self._held = held
        return self

    def release(self) -> None:
        """Give it back; nothing happens where it is not held."""
        held, self._held = self._held, None
        if held is not None:
            held.release()

    def __enter__(self) -> "Lock":
        return self if self._held else self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def flock_works(folder: Path) -> bool:
    """Whether files in a folder can be locked by flock; where not, that is said once for each file system."""
    try:
        with TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in NO_FLOCK:
            return True  # a full or read-only disk, no folder: for the lock itself to tell
        device = folder.stat().st_dev
        if device not in _said:
            _said.add(device)
            log.warning(
                "the file system of %s has no locks (flock: %s): files that name their owner are used in their place.",
                folder,
                error.strerror,
            )
        return False
    return True


class _Owned:
    """A lock that is a file with its owner's name; see above."""

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(f"{path.name}.owner")
        self._me = {**_machine(), "pid": os.getpid(), "token": uuid.uuid4().hex}
        self._alive = ExitStack()

    def acquire(self, timeout: float) -> None:
        begun, pause = time.monotonic(), 0.01
        while not self._create():
            if self._abandoned():
                continue
            if 0 <= timeout <= time.monotonic() - begun:
                raise Timeout(str(self._file))
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self._alive.enter_context(heartbeat(self._file, SECONDS_BETWEEN_SIGNS))

    def release(self) -> None:
        self._alive.close()
        if (read_json(self._file) or {}).get("token") == self._me["token"]:
            self._file.unlink(missing_ok=True)

    def _create(self) -> bool:
        """Whether the file is this process's. It is whole from the start: it is written elsewhere, then linked."""
        mine = self._file.with_name(f".{self._file.name}.{self._me['token']}.tmp")
        try:
            mine.write_text(json.dumps(self._me), encoding="utf-8")
            try:
                os.link(mine, self._file)
            except FileExistsError:
                return False
            except OSError:  # a file system without hard links
                return self._create_directly()
            return True
        finally:
            mine.unlink(missing_ok=True)

    def _create_directly(self) -> bool:
        try:
            descriptor = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(self._me, file)
        return True

    def _abandoned(self) -> bool:
        """Whether the file's owner has died or fallen silent; it is removed then."""
        owner = read_json(self._file) or {}
        try:
            silent = self._now() - self._file.stat().st_mtime > SILENT
        except FileNotFoundError:
            return True
        if not (silent or _dead(owner)):
            return False
        log.warning(
            "the lock %s is taken over: process %s on %s holds it no longer.",
            self._file,
            owner.get("pid"),
            owner.get("host"),
        )
        aside = self._file.with_name(f".{self._file.name}.{uuid.uuid4().hex}.aside")
        with suppress(FileNotFoundError):
            self._file.rename(aside)  # only one of several who find it abandoned succeeds
            if (read_json(aside) or {}) != owner:  # and by then another held it: it gets it back
                with suppress(OSError):
                    os.link(aside, self._file)
            aside.unlink(missing_ok=True)
        return True

    def _now(self) -> float:
        """The file system's time."""
        with TemporaryFile(dir=self._file.parent) as file:
            return os.fstat(file.fileno()).st_mtime


def _machine() -> dict[str, Any]:
    """Where process ids mean something: the host, and within it the container."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return {"host": platform.node(), "space": space}


def _dead(owner: dict[str, Any]) -> bool:
    """Whether a lock's owner has surely died, as far as this machine can tell."""
    if {key: owner.get(key) for key in ("host", "space")} != _machine():
        return False
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
