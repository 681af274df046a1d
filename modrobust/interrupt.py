"""Ctrl-C, SIGTERM, a closed terminal (SIGHUP): work that can be saved is saved first, all else stops at once."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import parent_process
from threading import Thread, current_thread, main_thread
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to stop; what could be saved is saved.

    Attributes:
        signum: the signal's number; a process conventionally exits with 128 + signum.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.signum = signum


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 5.0
"""Seconds after a first request to stop in which another changes nothing: people press Ctrl-C twice, and what ends a
job signals processes and their parents alike, while the first request is saving and writing the status."""
_saving = False
_pending: int | None = None
_asked: float | None = None
_unbroken = False
_late: int | None = None


def _handle(signum: int, frame: FrameType | None) -> None:
    global _pending, _asked, _late
    now = time.monotonic()
    if _unbroken:
        if _asked is None:
            _asked, _late = now, signum
        return
    if _asked is not None and now - _asked < PATIENCE:
        return
    if _asked is None:
        _asked = now
        if _saving:
            _pending = signum
            return
    raise Interrupted(signum)  # nothing to save, or asked again


def obeyed(signals: Sequence[signal.Signals] = SIGNALS) -> list[signal.Signals]:
    """Those of some signals that are obeyed: all but a SIGHUP that who started us has asked to ignore (nohup)."""
    return [one for one in signals if one != signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN]


@contextmanager
def handled(signals: Sequence[signal.Signals] = SIGNALS) -> Iterator[None]:
    """Within this block these signals, where `obeyed`, raise Interrupted; afterwards the old handlers are back."""
    global _asked
    if current_thread() is not main_thread():  # which has no signals
        yield
        return
    new = [signum for signum in obeyed(signals) if signal.getsignal(signum) is not _handle]  # a block around has some
    if len(new) == len(obeyed(signals)):
        _asked = None
    old = {signum: signal.signal(signum, _handle) for signum in new}
    try:
        yield
    finally:
        for signum, handler in old.items():
            signal.signal(signum, handler)


half_written: set[str] = set()
"""Temporary files, which no one else would remove."""


def leave(signum: int, frame: FrameType | None = None) -> None:
    """A handler for what has nothing to save: the process ends at once, in the middle of whatever it does.

    Not by an exception, which libraries swallow or turn into others while they are imported or clean up.
    """
    for path in half_written:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108  pathlib takes a while
    os._exit(128 + signum)


def end_with_parent() -> None:
    """In a process that another one has started: it ends as soon as that one has, in whichever way."""
    parent = parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
        leave(signal.SIGTERM)

    Thread(target=follow, daemon=True).start()


@contextmanager
def saving() -> Iterator[None]:
    """Within this block a first signal waits until the work asks for it with `pending` and has saved.

    Raises:
        Interrupted: at the end of the block, where a signal came after the work last asked.
    """
    global _saving, _pending
    _pending, _saving = None, True
    try:
        yield
    finally:
        _saving = False
    if _pending is not None:
        raise Interrupted(_pending)


def pending() -> int | None:
    """The signal that came while in a `saving` block and should end it, once saved; None for none."""
    return _pending


@contextmanager
def unbroken() -> Iterator[None]:
    """Within this block, which is short, no signal is obeyed; a first one is at its end.

    Raises:
        Interrupted: at the end, where a first signal came.
    """
    global _unbroken, _late
    _unbroken, _late = True, None
    try:
        yield
    finally:
        _unbroken = False
    if _late is not None:
        raise Interrupted(_late)
