"""Killed, interrupted or damaged: the same command ends with the bytes of an undisturbed run."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import TINY, Command

ALWAYS = "checkpoint_seconds=0"  # after every step, and every composition tested

KILL_WHILE_WRITING = """
import os, signal
from pathlib import Path
replace = Path.replace

def die(temporary, target):
    if Path(target).name != {name!r}:
        return replace(temporary, target)
    if {moment!r} == "half":
        os.truncate(temporary, temporary.stat().st_size // 2)
    else:
        replace(temporary, target)
    os.kill(os.getpid(), signal.SIGKILL)

Path.replace = die
"""

INTERRUPT = """
import os
from modrobust import interrupt
pending, asked = interrupt.pending, 0

def interrupted():
    global asked
    asked += 1
    if asked == {after}:
        os.kill(os.getpid(), {signum})
    return pending()

interrupt.pending = interrupted
"""


def test_two_undisturbed_runs_end_with_the_same_bytes(modrobust: Command, undisturbed: Command) -> None:
    assert modrobust().code == 0
    assert len(undisturbed.results()) == 4
    assert modrobust.results() == undisturbed.results()


def test_killed_at_random_moments(modrobust: Command, undisturbed: Command) -> None:
    chance = random.Random(0)
    longest = undisturbed.status()["seconds"]
    for _ in range(6):
        process = modrobust.start(ALWAYS)
        time.sleep(chance.uniform(0, 2 * longest))
        process.kill(signal.SIGKILL)
        process.wait()
    assert modrobust(ALWAYS).code == 0
    assert modrobust.results() == undisturbed.results()
    assert not list(modrobust.folder.rglob("*.tmp")) and not list(modrobust.folder.rglob("*.pt"))


BEGUN = ["depends.json", "checkpoint.pt", "weights.safetensors", "metrics.jsonl"]
BEGUN += ["evaluation.partial.npz", "predictions.npz", "results.csv"]
GOT_ITS_NAME = ["checkpoint.previous.pt", "checkpoint.pt", "weights.safetensors", "activations.npz", "results.csv"]


@pytest.mark.parametrize("moment, names", [("half", BEGUN), ("after", GOT_ITS_NAME)])
def test_killed_while_writing_each_file(
    modrobust: Command, undisturbed: Command, moment: str, names: list[str]
) -> None:
    """`half`: the temporary file is half written; `after`: the file has just got its name."""
    for name in names:
        killed = modrobust(ALWAYS, before=KILL_WHILE_WRITING.format(name=name, moment=moment))
        assert killed.code == -signal.SIGKILL, (name, killed.stderr)
        assert modrobust.status()["state"] == "running"
    assert modrobust(ALWAYS).code == 0
    assert modrobust.status()["attempt"] == len(names) + 1
    assert modrobust.results() == undisturbed.results()
    assert not list(modrobust.folder.rglob("*.tmp")) and not list(modrobust.folder.rglob("*.pt"))


@pytest.mark.parametrize("signum, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_interrupted_in_training(modrobust: Command, undisturbed: Command, signum: int, code: int) -> None:
    stopped = modrobust(before=INTERRUPT.format(after=10, signum=int(signum)))
    assert stopped.code == code
    assert "classifier: saved at epoch 2, step 2" in stopped.stderr
    assert f"interrupted by {signal.Signals(signum).name}" in stopped.stderr
    assert "the same command goes on from there" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert modrobust.status()["state"] == "preempted"
    resumed = modrobust()
    assert resumed.code == 0
    assert resumed.stderr.startswith("classifier: going on at epoch 2, step 2\n")
    assert "Warning" not in resumed.stderr
    assert modrobust.results() == undisturbed.results()


@pytest.mark.parametrize("activations, after", [("false", 10), ("true", 10), ("raw", 21)])
def test_interrupted_in_evaluation(modrobust: Command, undisturbed: Command, activations: str, after: int) -> None:
    option = f"evaluation.activations={activations}"
    modrobust.take_parts(undisturbed)
    stopped = modrobust(option, before=INTERRUPT.format(after=after, signum=int(signal.SIGTERM)))
    assert stopped.code == 143
    assert "testing: saved at" in stopped.stderr
    assert modrobust.status()["state"] == "preempted"
    resumed = modrobust(option)
    assert resumed.code == 0
    assert "testing: going on at" in resumed.stderr
    expected = undisturbed.results()
    if activations == "false":
        del expected["activations.npz"]
    assert modrobust.results() == expected


def test_the_command_itself_saves_at_ctrl_c(modrobust: Command) -> None:
    """No server, no code put in: `python -m modrobust` and a signal from outside."""
    command = [sys.executable, "-m", "modrobust", *TINY, ALWAYS, "training.epochs=1000"]
    process = subprocess.Popen(command, cwd=modrobust.folder, stderr=subprocess.PIPE, text=True)
    while not list(modrobust.folder.rglob("checkpoint.previous.pt")):
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "classifier: saved at epoch" in said and "interrupted by SIGINT" in said
    assert modrobust.status()["state"] == "preempted"


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_damaged_checkpoint_is_passed_over_and_does_not_replace_the_good_one(
    modrobust: Command, undisturbed: Command
) -> None:
    modrobust(ALWAYS, before=INTERRUPT.format(after=10, signum=int(signal.SIGTERM)))
    cut_in_half(modrobust.file("checkpoint.pt"))
    modrobust(ALWAYS, before=KILL_WHILE_WRITING.format(name="checkpoint.pt", moment="half"))
    assert "checkpoint.pt is damaged: going on from the one before it" in modrobust.log()
    assert "classifier: going on at epoch 2, step 1" in modrobust.log()
    resumed = modrobust()
    assert resumed.code == 0
    assert resumed.stderr.startswith("classifier: going on at epoch 2, step 1\n")
    assert modrobust.results() == undisturbed.results()


def test_without_a_whole_checkpoint_training_starts_anew(modrobust: Command, undisturbed: Command) -> None:
    modrobust(ALWAYS, before=INTERRUPT.format(after=10, signum=int(signal.SIGTERM)))
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        cut_in_half(modrobust.file(name))
    resumed = modrobust()
    assert resumed.code == 0
    assert "is damaged" in resumed.stderr and "classifier is trained anew" in resumed.stderr
    assert "going on" not in resumed.stderr
    assert modrobust.results() == undisturbed.results()


def test_damaged_weights_are_trained_again(modrobust: Command, undisturbed: Command) -> None:
    modrobust.take_parts(undisturbed)
    cut_in_half(modrobust.file("weights.safetensors"))
    again = modrobust()
    assert again.code == 0
    assert "is damaged" in again.stderr and "classifier is trained again" in again.stderr
    assert modrobust.results() == undisturbed.results()


def test_a_damaged_partial_evaluation_starts_anew(modrobust: Command, undisturbed: Command) -> None:
    modrobust.take_parts(undisturbed)
    modrobust(before=INTERRUPT.format(after=10, signum=int(signal.SIGTERM)))
    cut_in_half(modrobust.file("evaluation.partial.npz"))
    resumed = modrobust()
    assert resumed.code == 0
    assert "evaluation.partial.npz is damaged" in resumed.stderr
    assert modrobust.results() == undisturbed.results()
