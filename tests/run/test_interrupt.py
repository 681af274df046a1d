"""Signals: at once where nothing can be saved, else once it is saved, and a second one at once again."""

import os
import signal
from collections.abc import Iterator

import pytest

from modrobust import interrupt


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = [signal.getsignal(signum) for signum in interrupt.SIGNALS]
    with interrupt.handled():
        yield
    assert [signal.getsignal(signum) for signum in interrupt.SIGNALS] == before


def send(signum: int) -> None:
    os.kill(os.getpid(), signum)


@pytest.mark.parametrize("signum", interrupt.SIGNALS)
def test_outside_of_saving_it_stops_at_once(signum: int) -> None:
    with pytest.raises(interrupt.Interrupted) as stop:
        send(signum)
    assert stop.value.signum == signum


def test_while_saving_it_waits_to_be_asked_for() -> None:
    done = []
    with pytest.raises(interrupt.Interrupted), interrupt.saving():
        assert interrupt.pending() is None
        send(signal.SIGTERM)
        done.append(interrupt.pending())
    assert done == [signal.SIGTERM]


def test_a_second_one_does_not_wait() -> None:
    done = []
    with pytest.raises(interrupt.Interrupted), interrupt.saving():
        send(signal.SIGINT)
        done.append(1)
        send(signal.SIGINT)
        done.append(2)
    assert done == [1]


def test_the_next_block_begins_without_one() -> None:
    with pytest.raises(interrupt.Interrupted), interrupt.saving():
        send(signal.SIGTERM)
    with interrupt.saving():
        assert interrupt.pending() is None


def test_other_errors_pass() -> None:
    with pytest.raises(ValueError, match="other"), interrupt.saving():
        send(signal.SIGTERM)
        raise ValueError("other")
