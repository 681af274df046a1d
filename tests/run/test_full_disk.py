"""A disk that is full: one line says so, nothing finished is damaged, and the same command goes on later."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command

REFUSE = """
import errno, os
from pathlib import Path
replace = Path.replace

def refuse(temporary, target):
    if Path(target).name == {name!r}:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return replace(temporary, target)

Path.replace = refuse
"""

FILL = """
import logging
from modrobust import interrupt
pending, asked = interrupt.pending, 0

def fill():
    global asked
    asked += 1
    if asked == {after}:
        with open("filler", "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)): pass
            except OSError:
                pass
        logging.info("longer than the rest of the last block of run.log: " + 4096 * ".")
    return pending()

interrupt.pending = fill
"""


def one_line_about_the_disk(stderr: str) -> bool:
    return stderr.splitlines()[-1].startswith("modrobust: the disk is full: ") and "Traceback" not in stderr


def test_each_file_refused(modrobust: Command, undisturbed: Command) -> None:
    names = ["depends.json", "checkpoint.pt", "weights.safetensors", "evaluation.partial.npz"]
    for name in (*names, "predictions.npz", "results.csv"):
        stopped = modrobust("checkpoint_seconds=0", before=REFUSE.format(name=name))
        assert stopped.code == 1
        assert one_line_about_the_disk(stopped.stderr), stopped.stderr
        assert name in stopped.stderr
        assert modrobust.status()["state"] == "failed"
        assert name in modrobust.status()["error"]
        assert not list(modrobust.folder.rglob("*.tmp"))
    assert modrobust("checkpoint_seconds=0").code == 0
    assert modrobust.results() == undisturbed.results()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("after, seconds, lost", [(10, 0, "outputs/parts/"), (20, 60, "features/default/")])
def test_a_real_disk_fills_up(
    modrobust: Command, undisturbed: Command, small_disk: Path, after: int, seconds: int, lost: str
) -> None:
    modrobust.folder = small_disk
    options = (f"checkpoint_seconds={seconds}", "evaluation.activations=raw")
    stopped = modrobust(*options, before=FILL.format(after=after))
    assert stopped.code == 1
    assert one_line_about_the_disk(stopped.stderr), stopped.stderr
    assert lost in stopped.stderr.splitlines()[-1]
    assert "Logging error" not in stopped.stderr
    (small_disk / "filler").unlink()
    assert modrobust(*options).code == 0
    assert modrobust.results() == undisturbed.results()


def test_a_disk_that_was_full_before(modrobust: Command, small_disk: Path) -> None:
    modrobust.folder = small_disk
    with (small_disk / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(4096))
    stopped = modrobust()
    assert stopped.code == 1
    assert one_line_about_the_disk(stopped.stderr), stopped.stderr
    assert "Logging error" not in stopped.stderr
    sweep = modrobust("seed=0,1", "-m")
    assert sweep.code == 1
    assert one_line_about_the_disk(sweep.stderr) and "outputs/runs" in sweep.stderr, sweep.stderr


def test_a_folder_that_cannot_be_written(modrobust: Command, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for sweep in ((), ("seed=0,1", "-m")):
        stopped = modrobust(*sweep, folder=small_disk)
        assert (stopped.code, stopped.stderr) == (1, "modrobust: outputs cannot be used: Read-only file system.\n")


def test_a_current_folder_that_was_removed(modrobust: Command) -> None:
    gone = "import os; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')"
    line = "modrobust: the current folder was removed; change to another one, or to one of that name again.\n"
    stopped = modrobust(before=gone)
    assert (stopped.code, stopped.stderr) == (1, line)
