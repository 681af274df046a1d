"""What shells, pipes and terminals do to a program: nothing that is only shown ends its work."""

import ast
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import modrobust
from modrobust import interrupt
from modrobust.store.files import write_atomically
from modrobust.terminal.refusals import refusal

WORK = """
import os, sys
from modrobust.terminal.shell import command, only_shown
with command("work"):
    for line in range(2000):
        print("shown", line)
        print("said", line, file=sys.stderr)
    file = os.open("done", os.O_CREAT | os.O_WRONLY)
    assert file > 2
    os.write(file, b"done")
"""
ONLY_SHOWN = WORK.replace("    for line", "    with only_shown():\n     for line").replace(
    "        print", "          print"
)
LOST = "work: standard output could not be written, what it was to show is lost: No space left on device.\n"


def shell(script: str, folder: Path, code: str = WORK, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A line of bash in which $work runs Python code; its exit status is that of the first of a pipe."""
    work = f"{sys.executable} -c '{code}'"
    line = script.replace("$work", work) + "; exit ${PIPESTATUS[0]}"
    told = {**os.environ, **environment}
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, env=told, timeout=60)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "script",
    [
        *("$work | true", "$work 2>&1 | head -1", "$work 2>/dev/full | head -1", "$work 2>&- | head -1"),
        *("$work >&- 2>&-", "$work <&- >&- 2>&-", "$work >&-"),
    ],
)
def test_the_work_is_done_whoever_looks(tmp_path: Path, script: str, unbuffered: str) -> None:
    ended = shell(script, tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert (ended.returncode, (tmp_path / "done").read_text()) == (0, "done")
    assert all(line.startswith("said") for line in ended.stderr.splitlines())
    assert ended.stdout in ("", "shown 0\n", "said 0\n")


def test_what_was_to_be_printed_is_lost_on_a_full_disk(tmp_path: Path) -> None:
    for name in ("PYTHONUNBUFFERED", "OTHER"):
        ended = shell("$work 2>said >/dev/full; code=$?; tail -1 said; (exit $code)", tmp_path, **{name: "1"})
        assert (ended.returncode, ended.stdout, (tmp_path / "done").read_text()) == (1, LOST, "done")
    ended = shell("$work >/dev/full", tmp_path, ONLY_SHOWN)
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (0, "said 1999")


def test_what_an_encoding_lacks_is_replaced(tmp_path: Path) -> None:
    text = r"93 \u00b1 2, \u22121, \u00e9, \udcff"
    code = f'from modrobust.terminal.shell import command\nwith command("work"):\n    print("{text}")'
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for environment in (plain, {"PYTHONIOENCODING": "ascii"}):
        ended = shell("$work | od -An -c", tmp_path, code, **environment)
        assert "".join(ended.stdout.split()) == "93+-2,-1,?,377\\n"
        assert ended.returncode == 0


def test_a_terminal_that_is_closed_ends_nothing_where_its_signal_is_ignored(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", f"input()\n{WORK}"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    os.close(controller)
    process.communicate(b"\n", timeout=60)
    assert (process.returncode, (tmp_path / "done").read_text()) == (0, "done")


def test_a_signal_ends_at_once_and_removes_what_is_half_written(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from modrobust.terminal.shell import command
from modrobust.store.files import write_atomically
with command("work"):
    write_atomically(Path("file"), lambda file: (file.write(b"half"), os.kill(os.getpid(), int(sys.argv[1]))))
"""
    for signum in interrupt.SIGNALS:
        ended = subprocess.run([sys.executable, "-c", code, str(signum)], cwd=tmp_path, capture_output=True, text=True)
        assert (ended.returncode, ended.stdout, ended.stderr) == (128 + signum, "", "")
        assert not list(tmp_path.iterdir())


def test_nohup_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupt.handled():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.SIGHUP not in interrupt.obeyed()
    finally:
        signal.signal(signal.SIGHUP, old)


def opened_without(file: Path) -> list[int]:
    """Lines that open or read text in the encoding of the place; ruff finds those that it knows to be files."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            mode = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            reads = name in ("read_text", "write_text") or (name == "open" and (not node.args or str(mode) in "rawx"))
            as_text = any(one.arg in ("text", "universal_newlines") for one in node.keywords)
            if as_text or (reads and not any(one.arg == "encoding" for one in node.keywords)):
                found.append(node.lineno)
    return found


def test_every_text_is_read_in_an_encoding_that_is_said(tmp_path: Path) -> None:
    root = Path(modrobust.__file__).parent
    found = {str(file): lines for file in root.rglob("*.py") if (lines := opened_without(file))}
    assert {name: lines for name, lines in found.items() if not name.endswith("image_cache.py")} == {}  # Image.open
    (tmp_path / "one.py").write_text("path.read_text()\npath.open('rb')\npath.open('a')\nrun(x, text=True)\n")
    assert opened_without(tmp_path / "one.py") == [1, 3, 4]


def test_refusals_of_the_system_are_one_line(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    folder.mkdir()
    file.touch()
    for path, reason in ((folder, "Is a directory"), (file / "below", "Not a directory")):
        with pytest.raises(OSError) as refused:
            path.write_text("text", encoding="utf-8")
        assert refusal(refused.value) == f"{path} cannot be used: {reason}."
    assert refusal(FileNotFoundError(2, "No such file or directory", "absent")) is None
    torch = RuntimeError(
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: 8 bytes"
    )
    for error in (MemoryError(), torch, ImportError("libtorch.so: failed to map segment from shared object")):
        assert str(refusal(error)).startswith("not enough memory: ")
    assert refusal(RuntimeError("shapes differ")) is None and refusal(ImportError("no module")) is None
    compiler = type("InductorError", (RuntimeError,), {"__module__": "torch._inductor.exc"})
    assert str(refusal(compiler("No compiler found.\nTo"))).startswith(
        "compile=true: InductorError: No compiler found. "
    )


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    code = """
import resource
from pathlib import Path
from modrobust.terminal.shell import command
from modrobust.store.files import write_atomically
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with command("work"):
    write_atomically(Path("file"), lambda file: file.write(bytes(2000)))
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert ended.stderr.startswith("work: file could not be saved: File too large, by the limit that `ulimit -f` shows")
    assert not list(tmp_path.iterdir())


def test_a_temporary_file_is_forgotten_once_it_is_whole(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", lambda file: file.write(b"whole"))
    assert not interrupt.half_written


def test_a_backend_for_figures_that_is_not_there(tmp_path: Path) -> None:
    code = """
from modrobust.terminal.shell import command
with command("work"):
    from matplotlib.figure import Figure
    Figure().savefig("one.png")
"""
    assert shell("$work", tmp_path, code, MPLBACKEND="nonsense").returncode == 0
