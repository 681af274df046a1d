"""hydra/launcher=local: several runs at once, each as if it were alone."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from sweeps import SLOW, TINY, Modrobust, results, until

AWKWARD = "exp (new), a=b $x 'q' \"jürgen\" %j\nend"


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """A folder whose name has all that Hydra, shells and formats give a meaning."""
    folder = tmp_path / AWKWARD
    folder.mkdir()
    return folder


LOCAL = ("hydra/launcher=local", "hydra.launcher.processes=2")


def test_a_failed_run_hides_nothing_and_the_same_command_goes_on(
    modrobust: Modrobust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error::ResourceWarning")  # told wherever a file or pipe is left open
    sweep = ("-m", *TINY, "seed=0,1,2", "method.gumbel=false,true", *LOCAL)
    ended = modrobust(*sweep)
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith("modrobust: 3 of 6 runs are not done; the same command tries them again.")
    assert ended.stdout.count("method.gumbel=true: the network learns no selection that could be noisy.") == 3
    assert "run.log)" in ended.stdout
    said = [file.read_text() for file in (tmp_path / "outputs/runs/.local").glob("*.log")]
    assert len(said) == 2 and not any("unclosed" in text for text in (ended.stderr, *said))
    assert len(results(tmp_path / "outputs/runs")) == 3
    again = modrobust(*sweep)
    assert again.returncode == 1 and "6 runs: 3 done, 0 queued, 0 running; 3 to do" in again.stdout
    alone = modrobust(*TINY, "seed=1", "paths.outputs=alone")
    assert alone.returncode == 0
    assert results(tmp_path / "alone/runs").items() <= results(tmp_path / "outputs/runs").items()
    status = modrobust("--status", module="modrobust.report")
    assert status.stdout.startswith("outputs/runs: 3 done, 3 failed\n")
    assert status.stdout.count("learns no selection") == 3


def test_a_killed_worker_is_replaced_and_a_killed_launcher_loses_nothing(
    modrobust: Modrobust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_undisturbed: Callable[..., bool]
) -> None:
    monkeypatch.setenv("SECONDS_AN_EPOCH", "0.1")
    sweep = ("-m", *SLOW, "seed=0,1,2", *LOCAL)
    launcher = subprocess.Popen([sys.executable, "-m", "modrobust", *sweep], cwd=tmp_path, stdout=subprocess.DEVNULL)
    workers = _workers(launcher.pid)
    until(lambda: len(list(tmp_path.rglob("checkpoint.pt"))) == 2)
    os.kill(workers[0], signal.SIGKILL)
    until(lambda: len(list(tmp_path.rglob("runs/**/status.json"))) == 3)  # another process has begun the third run
    launcher.kill()
    launcher.wait()
    until(lambda: len(results(tmp_path / "outputs/runs")) == 2)  # its processes end what they have begun
    monkeypatch.setenv("SECONDS_AN_EPOCH", "0")
    ended = modrobust(*sweep)
    assert ended.returncode == 0, ended.stderr
    assert as_undisturbed(*SLOW, "seed=0,1,2")


@pytest.mark.usefixtures("slow")
def test_ctrl_c_in_a_terminal_saves_every_run_once(modrobust: Modrobust, tmp_path: Path) -> None:
    """The terminal signals whoever is in its foreground, twice here; the processes save after the first."""
    launcher, terminal = pty.fork()
    if launcher == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-m", "modrobust", "-m", *SLOW, "seed=0,1,2", *LOCAL])
    shown: list[bytes] = []
    reader = Thread(target=lambda: shown.extend(_read(terminal)))
    reader.start()
    until(lambda: len(list(tmp_path.rglob("checkpoint.pt"))) == 2)
    asked = time.time()
    for _ in range(2):
        os.write(terminal, b"\x03")
        time.sleep(0.2)
    assert os.waitstatus_to_exitcode(os.waitpid(launcher, 0)[1]) == 128 + signal.SIGINT
    reader.join(10)
    os.close(terminal)
    said = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", b"".join(shown).decode())
    assert re.search(r"0/3 .*2 running", said) and "stopping: 2 runs save their state." in said
    assert "stopped: of 3 runs 0 are done, 2 were running; the same command goes on with them." in said
    assert "died" not in said and "Traceback" not in said
    assert all(file.stat().st_mtime > asked for file in tmp_path.rglob("checkpoint.pt"))
    status = modrobust("--status", module="modrobust.report").stdout
    assert status.startswith("outputs/runs: 0 done, 2 preempted\n")


def _read(terminal: int) -> Iterator[bytes]:
    """What a terminal shows, until nobody has it open any more."""
    with suppress(OSError):
        while text := os.read(terminal, 1 << 16):
            yield text


def _workers(parent: int, at_least: int = 2) -> list[int]:
    """The processes that a launcher has started; waits for as many."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = Path(f"/proc/{parent}/task/{parent}/children")
        threads = Path(f"/proc/{parent}/task")
        found = [
            int(pid)
            for thread in (threads.iterdir() if threads.exists() else [])
            for pid in (thread / "children").read_text().split()
        ]
        if len(found) >= at_least or not children.exists():
            return found
        time.sleep(0.1)
    raise AssertionError("no workers")
