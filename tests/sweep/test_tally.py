"""How a sweep is doing, as one sees it while waiting."""

import logging
from types import SimpleNamespace

import pytest

from modrobust.sweep import tally as module
from modrobust.sweep.tally import tally


def test_off_a_terminal_a_line_tells_the_numbers_and_the_time_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with caplog.at_level(logging.INFO), tally(total=12) as shown:
        shown.show(done=2, failed=0, running=0)
        for now[0] in range(0, 601, 10):
            shown.show(done=5, failed=1, running=2, waiting=3)
    assert len(caplog.messages) == 600 / module.SECONDS_BETWEEN_LINES
    rest = "1 failed, 2 running, 3 to be submitted"
    assert caplog.messages[0] == f"5 of 12 runs are done, {rest}, about 2 min left"
    assert caplog.messages[-1] == f"5 of 12 runs are done, {rest}, about 15 min left"


def test_without_any_that_has_ended_nothing_is_said_of_the_time_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0)
    with caplog.at_level(logging.INFO), tally(total=12) as shown:
        shown.show(done=2, failed=0, running=2)
    assert caplog.messages == ["2 of 12 runs are done, 2 running"]
