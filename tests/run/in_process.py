"""The command within the test's process: torch is imported once, not for every command."""

import io
import logging
import os
import signal
import sys
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import torch

from modrobust.__main__ import main
from modrobust.interrupt import SIGNALS

# What makes a run take a fraction of a second.
SMALL = (
    *("dataset.n_train=20", "dataset.n_valid=10", "dataset.n_test=10", "training.epochs=1"),
    *("evaluation.max_length=0", "threads=1", "device=cpu"),
)


class Result(NamedTuple):
    """What a command left: its exit code, and what it printed."""

    code: int
    out: str
    err: str


def modrobust(folder: Path, *args: str) -> Result:
    """`modrobust args` from a folder. What the command sets for its process is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    deterministic, threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    signals = {signum: signal.getsignal(signum) for signum in SIGNALS}
    out, err, code = io.StringIO(), io.StringIO(), 0
    with ExitStack() as stack:
        stack.enter_context(patch.object(sys, "argv", ["modrobust", *args]))
        stack.enter_context(patch.object(sys, "path", sys.path[:]))
        stack.enter_context(patch.dict(os.environ))
        os.environ.pop("MODROBUST_DATA", None)  # the developer's
        for context in (chdir(folder), redirect_stdout(out), redirect_stderr(err)):
            stack.enter_context(context)
        try:
            main()
        except SystemExit as stop:  # as the interpreter does
            code = stop.code if isinstance(stop.code, int) else 1
            err.write(f"{stop.code}\n" if isinstance(stop.code, str) else "")
        finally:
            for signum, before in signals.items():
                signal.signal(signum, before)
            for handler in root.handlers:
                if handler not in handlers:
                    handler.close()
            root.handlers[:] = handlers
            tracebacks = logging.getLogger("modrobust.traceback")  # in a sweep the root has lost its run's log by now
            for handler in tracebacks.handlers[:]:
                handler.close()
                tracebacks.removeHandler(handler)
            root.setLevel(level)
            torch.use_deterministic_algorithms(deterministic)
            torch.set_num_threads(threads)
            torch.set_flush_denormal(False)
    return Result(code, out.getvalue(), err.getvalue())
