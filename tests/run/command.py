"""The command in processes of its own, as users start it: real signals, real files."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

TINY = (
    *("dataset.n_train=40", "dataset.n_valid=20", "dataset.n_test=40", "threads=1"),
    *("training.epochs=2", "training.batch_size=32", "evaluation.max_length=1", "evaluation.batch_size=16"),
    *("evaluation.activations=true", "dataset.image_size=16", "model.widths=[8,8,8,8]", "model.hidden=16"),
)


@dataclass(frozen=True)
class Ended:
    """A process that has ended: its exit code (negative: killed by that signal) and what it printed."""

    code: int
    stdout: str
    stderr: str


class Process:
    """A process that runs the command."""

    def __init__(self, server: "Server", pid: int, stdout: Path, stderr: Path) -> None:
        self.pid = pid
        self._server, self._stdout, self._stderr = server, stdout, stderr

    def kill(self, signum: int) -> None:
        os.kill(self.pid, signum)  # it is not reaped before `wait`, so the id stays its own

    def wait(self) -> Ended:
        code = int(self._server.ask(wait=self.pid))
        return Ended(code, self._stdout.read_text(), self._stderr.read_text())

    @property
    def said(self) -> str:
        return self._stderr.read_text()


class Server:
    """See command_server.py."""

    def __init__(self, logs: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("command_server.py"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._logs, self._number = logs, count()

    def ask(self, **request: Any) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def start(self, folder: Path, overrides: tuple[str, ...], before: str) -> Process:
        number = next(self._number)
        stdout, stderr = self._logs / f"{number}.out", self._logs / f"{number}.err"
        stderr.touch()
        request = {"folder": str(folder), "overrides": overrides, "before": before}
        pid = int(self.ask(**request, stdout=str(stdout), stderr=str(stderr)))
        return Process(self, pid, stdout, stderr)

    def close(self) -> None:
        with self._process:
            self._process.kill()


class Command:
    """Starts `modrobust` with tiny settings in a folder of its own.

    Args of both: overrides; `before`, Python code that the process executes first; `folder` to start in.
    """

    def __init__(self, server: Server, folder: Path) -> None:
        self.folder, self._server = folder, server

    def start(self, *overrides: str, before: str = "", folder: Path | None = None) -> Process:
        return self._server.start(folder or self.folder, (*TINY, *overrides), before)

    def __call__(self, *overrides: str, before: str = "", folder: Path | None = None) -> Ended:
        return self.start(*overrides, before=before, folder=folder).wait()

    def take_parts(self, other: "Command") -> None:
        """Copy what another folder has trained."""
        shutil.copytree(other.folder / "outputs" / "parts", self.folder / "outputs" / "parts")

    def file(self, name: str, below: str = "outputs") -> Path:
        """The one file of that name, or that matches the pattern."""
        found = list((self.folder / below).rglob(name))
        assert len(found) == 1, found
        return found[0]

    def status(self) -> dict[str, Any]:
        """status.json of the only run."""
        status: dict[str, Any] = json.loads(self.file("status.json", "outputs/runs").read_text())
        return status

    def log(self) -> str:
        """run.log of the only run, all attempts."""
        return self.file("run.log").read_text()

    def results(self) -> dict[str, bytes]:
        """The bytes of the files that may not depend on what a run went through."""
        names = ("weights.safetensors", "results.csv", "predictions.npz", "activations.npz")
        return {path.name: path.read_bytes() for name in names for path in (self.folder / "outputs").rglob(name)}
