"""What shells, pipes and terminals do to a program. Nothing that is only shown may end its work."""

import atexit
import codecs
import errno
import gc
import io
import os
import select
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from modrobust.errors import UserError
from modrobust.interrupt import Interrupted, leave, obeyed
from modrobust.terminal.refusals import refusal


def plainly(error: Exception) -> str | None:
    """One line for what a person can mend or the system refuses; None where a traceback tells more."""
    return str(error) if isinstance(error, UserError) else refusal(error)


@contextmanager
def command(name: str, explain: Callable[[Exception], str | None] = plainly) -> Iterator[None]:
    """Within this block a command does its work, from its first line on, and at the end it exits.

    Exit codes: 0; 1 after an error, told in one line where `explain` knows one, and where what was printed is lost on a
    full disk, say; 128 + its number after a signal. A reader that went away changes nothing. Signals end the process
    silently and at once, save within what has something to save (see `modrobust.interrupt`).

    Args:
        name: what lines of errors begin with.
        explain: see `plainly`.
    """
    atexit.register(gc.freeze)  # the last look for garbage would take up to half a second, for nothing
    safe_streams()
    os.environ["MPLBACKEND"] = "agg"  # figures are files; what notebooks or desktops set may not exist here
    for signum in obeyed():
        signal.signal(signum, leave)  # to the end of the process: libraries clean up behind us
    code: object = 0
    try:
        yield
    except KeyboardInterrupt as stop:
        code = 128 + (stop.signum if isinstance(stop, Interrupted) else signal.SIGINT)
    except SystemExit as stop:
        code = stop.code
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        code = f"{name}: {line}"
    reason = _lost()
    if reason and not code:
        code = f"{name}: standard output could not be written, what it was to show is lost: {os.strerror(reason)}."
    for signum in obeyed():  # or Python, while it cleans up, dies of a second Ctrl-C with another exit code
        signal.signal(signum, signal.SIG_IGN)
    sys.exit(code)  # type: ignore[arg-type]


@contextmanager
def only_shown() -> Iterator[None]:
    """Within this block what is printed is kept in files, too: the command succeeds where it can't be shown."""
    before = _lost()
    try:
        yield
    finally:
        if before is None and _lost() is not None and (shown := _shown()):
            shown.lost = None


def _lost() -> int | None:
    """The reason why something that was printed is lost; None where nothing is, or where nobody wanted it any more."""
    with suppress(ValueError):  # it is closed
        sys.stdout.flush()
    shown = _shown()
    return shown.lost if shown else None


def _shown() -> "Shown | None":
    """Of standard output; None where a program has put a stream of its own there."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw if isinstance(raw, Shown) else None


class Shown(io.FileIO):
    """A standard stream that never fails: what can't be written any more is dropped.

    Attributes:
        lost: the number of the error after which everything is dropped; None: none so far, or nobody looks any more.
    """

    lost: int | None = None

    def write(self, data: object) -> int:  # type: ignore[override]
        """Write, or drop; waits where the stream would not."""
        try:
            while (written := super().write(data)) is None:  # type: ignore[arg-type]
                select.select([], [self], [])
            return written
        except OSError as error:
            closed = error.errno == errno.EIO and not stat.S_ISREG(os.fstat(self.fileno()).st_mode)  # a terminal
            self.lost = None if closed or error.errno == errno.EPIPE else error.errno
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.fileno())  # for libraries and processes that write there, too
            os.close(nothing)
            return memoryview(data).nbytes  # type: ignore[arg-type]


def safe_streams() -> None:
    """Make standard output and error of this process such that printing to them never fails.

    Closed ones, as a daemon has them, lead nowhere; a reader that goes away, a full disk and a terminal that was closed
    are borne; characters that the encoding lacks are replaced. Streams that a program has put in their place are left.
    """
    for fd in range(3):  # a file that is opened later must not become standard error
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    codecs.register_error("modrobust.replaced", _replaced)
    for fd, name in ((1, "stdout"), (2, "stderr")):
        old = getattr(sys, name)
        if old is None:
            new = _stream(os.open(os.devnull, os.O_WRONLY), "utf-8", True)
        elif old is getattr(sys, f"__{name}__") and not isinstance(getattr(old.buffer, "raw", None), Shown):
            with suppress(OSError):
                old.flush()
            new = _stream(fd, old.encoding, old.line_buffering or old.write_through)
        else:
            continue
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def _stream(fd: int, encoding: str, line_buffering: bool) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(Shown(fd, "w", closefd=False))
    return io.TextIOWrapper(buffer, encoding, "modrobust.replaced", line_buffering=line_buffering)


PLAIN = {0xB1: "+-", 0xD7: "x", 0x2013: "-", 0x2026: "...", 0x2212: "-"}
"""What stands for the characters that our tables have beside letters; all others become question marks."""


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = ord(error.object[error.start])
    if 0xDC80 <= character <= 0xDCFF:  # a byte of a file's name
        return bytes([character - 0xDC00]), error.start + 1
    return PLAIN.get(character, "?"), error.start + 1
