"""What long work shows: bar, count and time left first, then the numbers that fit; a log is the same everywhere."""

import io
import logging
import re
import sys

import pytest
from rich.cells import cell_len

from modrobust.progress import bar
from modrobust.terminal.console import ConsoleHandler
from modrobust.terminal.folded import parts, print_table

SAID = ("epoch 12", "loss 2.302", "accuracy 0.1141", "valid_loss 2.271", "valid_accuracy 0.2214")


class Terminal(io.StringIO):
    """As far as programs can see."""

    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> list[str]:
        """Its lines, also those that were overwritten, without colours."""
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())
        return [line for line in re.split(r"[\r\n]+", plain) if line.strip()]


def terminal(monkeypatch: pytest.MonkeyPatch, columns: int, kind: str = "xterm") -> Terminal:
    shown = Terminal()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, shown)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": kind, "COLUMNS": str(columns), "LINES": "24"}.items():
        monkeypatch.setenv(name, value)
    return shown


@pytest.mark.parametrize(
    "columns, label, seen",
    [
        (120, "classifier", "classifier ━.* 5040/20000 .* epoch 12 loss 2.302 accuracy 0.1141 valid_loss 2.271$"),
        (80, "classifier", "classifier ━.* 5040/20000 .* epoch 12 loss 2.302$"),
        (40, "classifier", "classifier ━.* 5040/20000 [-0-9:]+$"),
        (40, "autoencoder-Gaussian-Blur", r"autoencoder… ━.* 5040/20000 [-0-9:]+$"),
        (80, "autoencoder-Gaussian-Blur", r"autoencoder-Gaussian-Blur ━.* 5040/20000 [-0-9:]+ epoch 12$"),
    ],
)
def test_bar_count_and_time_come_first(monkeypatch: pytest.MonkeyPatch, columns: int, label: str, seen: str) -> None:
    shown = terminal(monkeypatch, columns)
    with bar(label, 20_000, 5_000) as one:
        one.advance(40)
        one.say(*SAID)
    last = shown.screen[-1].strip()
    assert re.match(seen, last), last
    assert cell_len(last) < columns


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_the_log_holds_the_same_with_a_bar_and_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    shown = terminal(monkeypatch, 80, kind)
    log = logging.getLogger("modrobust.progress")
    monkeypatch.setattr(log, "handlers", [ConsoleHandler()])
    with caplog.at_level(logging.INFO), bar("classifier", 3) as one:
        for _ in range(3):
            one.advance()
            one.say(*SAID)
        log.warning("a message")
    line = f"classifier 3/3 {' '.join(SAID)}"
    assert caplog.messages == [line, "a message"]
    assert (line in shown.screen) == (kind == "dumb")
    assert any(one.strip() == "a message" for one in shown.screen)


def test_a_table_goes_on_below_where_the_terminal_is_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    header = ["corruptions", *map(str, range(7))]
    lines = [["a variant", *("93.1" for _ in range(7))]]
    for columns, tables in ((80, 1), (40, 3), (12, 7)):
        shown = terminal(monkeypatch, columns)
        print_table("accuracy", header, lines)
        assert shown.getvalue().count("corruptions" if columns > 12 else "┏") == tables
        cells = re.findall(r"│ +(\d[\d.]*)", shown.getvalue()) if columns > 12 else []
        assert cells == ["93.1"] * len(cells) and len(cells) in (0, 7)
        assert "…" not in shown.getvalue()


def test_a_file_has_whole_tables(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    print_table("accuracy", ["corruptions", *map(str, range(50))], [["default", *(["93.1"] * 50)]])
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_columns_of_each_part() -> None:
    assert parts([10, 5, 5, 5, 5], 20) == [[0, 1, 2], [0, 3, 4]]
    assert parts([10, 30, 5], 20) == [[0, 1], [0, 2]]
    assert parts([10], 5) == [[0]]
