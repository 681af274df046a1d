"""Figures drawn by another process: its errors are told here, and it does not outlive the report."""

import signal
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
import os, sys, time
from pathlib import Path
from modrobust.errors import UserError
from modrobust.report.figures import drawing
from modrobust.terminal.shell import command

def figure(what):
    if what == "waits":
        Path("waits").write_text(str(os.getpid()))
        time.sleep(60)
    if what == "is killed":
        os.kill(os.getpid(), 9)
    raise UserError("the disk is full")

drawing._prepare = drawing.end_with_parent  # imports take a second
with command("work"), drawing.beside():
    print(*drawing.draw(Path("name"), figure, sys.argv[1]), flush=True)
    ((_, future),) = drawing._left
    while not (future.running() or future.done()):
        time.sleep(0.01)
    drawing.finish()
"""


def work(folder: Path, what: str) -> "subprocess.Popen[str]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, what], cwd=folder, text=True, **pipes)  # type: ignore


def test_an_error_of_a_figure_is_one_line(tmp_path: Path) -> None:
    process = work(tmp_path, "fails")
    assert process.communicate(timeout=60) == ("name.pdf name.png\n", "work: the disk is full\n")
    assert process.returncode == 1


def test_that_it_was_killed_is_told(tmp_path: Path) -> None:
    process = work(tmp_path, "is killed")
    _, told = process.communicate(timeout=60)
    assert told.startswith("work: the process that draws figures was killed") and told.count("\n") == 1


def test_it_ends_with_the_report(tmp_path: Path) -> None:
    process = work(tmp_path, "waits")
    while not (tmp_path / "waits").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)  # until all who have its pipes are gone
    assert (process.returncode, told) == (130, "")
