"""Requests to stop: the first is obeyed once the work is saved, its echoes change nothing, a later one does."""

import os
import signal

import pytest
from command import Command

from modrobust import interrupt


def test_a_second_request_within_seconds_does_not_break_a_save() -> None:
    with pytest.raises(interrupt.Interrupted, match="SIGINT"), interrupt.handled(), interrupt.saving():
        for signum in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), signum)
        assert interrupt.pending() == signal.SIGINT


def test_nor_what_is_written_on_the_way_out() -> None:
    with interrupt.handled():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except interrupt.Interrupted:
            os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(interrupt.Interrupted), interrupt.handled():  # another run of the same process
        os.kill(os.getpid(), signal.SIGTERM)


def test_one_who_asks_again_later_need_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupt, "PATIENCE", 0.0)
    with pytest.raises(interrupt.Interrupted, match="SIGTERM"), interrupt.handled(), interrupt.saving():
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.pending() == signal.SIGINT
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("went on")


ASK = """
import os, signal
from modrobust import interrupt
pending, asked = interrupt.pending, 0

def ask():
    global asked
    asked += 1
    if asked == 3:
        os.kill(os.getpid(), signal.{name})
    return pending()

interrupt.pending = ask
"""
AGAIN = """
import os, signal
from modrobust import interrupt
from modrobust.store.run_folder import RunFolder
update, interrupt.PATIENCE = RunFolder.update, 0.0

def disturbed(self, **values):
    for _ in range(3 * (values.get("state") == "{state}")):
        os.kill(os.getpid(), signal.SIGINT)
    update(self, **values)

RunFolder.update = disturbed
"""


def test_a_closed_terminal_is_as_a_request_to_stop(modrobust: Command, undisturbed: Command) -> None:
    stopped = modrobust(before=ASK.format(name="SIGHUP"))
    assert stopped.code == 128 + signal.SIGHUP
    assert modrobust.status()["state"] == "preempted"
    assert modrobust.status()["error"] == "interrupted by SIGHUP"
    ignored = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    assert modrobust(before=ignored + ASK.format(name="SIGHUP")).code == 0
    assert modrobust.results() == undisturbed.results()


@pytest.mark.parametrize("state, left", [("running", "preempted"), ("preempted", "preempted"), ("done", "done")])
def test_however_often_one_asks_the_status_is_written(modrobust: Command, state: str, left: str) -> None:
    before = AGAIN.format(state=state) + (ASK.format(name="SIGTERM") if state == "preempted" else "")
    stopped = modrobust(before=before)
    assert stopped.code == 128 + (signal.SIGTERM if state == "preempted" else signal.SIGINT)
    assert (modrobust.status()["state"], "Traceback" in stopped.stderr) == (left, False)
    assert modrobust(before="").code == 0
