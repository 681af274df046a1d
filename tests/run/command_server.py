"""Starts the command again and again in processes that find torch imported already: they are forked from this one.

Requests and answers are lines: a JSON object that says what to start, answered by the process id;
{"wait": pid}, answered by the exit code, negative for the number of the signal that killed it.
"""

import atexit
import gc
import json
import os
import signal
import sys
from importlib import import_module
from typing import Any, NoReturn

from hydra import compose, initialize_config_dir

from modrobust.__main__ import main
from modrobust.config.options import CONF
from modrobust.dataset.digits import enlarged
from modrobust.device import prepare

SECONDS = 100  # no process of a test lives longer
IMPORTED_LATE = (
    *("torch._dynamo", "modrobust.run", "modrobust.store.run_folder", "modrobust.evaluation.shards"),
    "modrobust.evaluation.compositions",
    "modrobust.method.cross_entropy",
    "modrobust.evaluation.pictures",
    "modrobust.evaluation.summary",
)


def serve() -> dict[str, Any]:
    """Answer requests; return, in the new process, what it was asked to do."""
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        if "wait" in request:
            print(os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1]), flush=True)
        elif child := os.fork():
            print(child, flush=True)
        else:
            return request
    sys.exit()


def leave(code: object) -> NoReturn:
    """As Python does, but what was forked is left to the system: to clear it away takes a third of a run's time."""
    if isinstance(code, str):
        print(code, file=sys.stderr)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    for module in IMPORTED_LATE:
        import_module(module)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        compose("config")  # so that Hydra imports what it needs
    prepare("cpu", threads=1)  # torch too; with one thread, for threads would be lost in the fork
    enlarged((16, 16))  # the images of all its commands
    gc.freeze()
    os.fsync = lambda fd: None  # what tests write need not outlive the machine
    asked = serve()
    signal.alarm(SECONDS)
    os.chdir(asked["folder"])
    for fd, path in enumerate((os.devnull, asked["stdout"], asked["stderr"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644), fd)
    exec(asked["before"], {})
    sys.argv = ["modrobust", *asked["overrides"]]
    try:
        main()
    except SystemExit as stop:
        leave(stop.code)
