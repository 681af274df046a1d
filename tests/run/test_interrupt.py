"""Requests to stop: the first is obeyed once the work is saved, its echoes change nothing, a later one does."""

import os
import signal

import pytest

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
