"""modrobust-report --status --watch: until nothing is queued or running; and who is told of it."""

import json
import re
from pathlib import Path

import pytest
from sweeps import TINY, Modrobust

from modrobust.sweep import watch as module
from modrobust.sweep.notify import Notify
from modrobust.sweep.watch import Rate, watch


def put(folder: Path, state: str, error: str | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").touch()
    (folder / "status.json").write_text(json.dumps({"state": state, "error": error, "host": "elsewhere"}))


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs of which one is going on; while one waits it fails."""
    one, other = (tmp_path / "digits/modules-small_cnn" / name for name in ("seed0-a", "seed1-b"))
    put(one, "done")
    put(other, "running")
    monkeypatch.setattr(module.time, "sleep", lambda seconds: put(other, "failed", "it is too hot"))
    return tmp_path


def test_off_a_terminal_numbers_are_lines_and_failures_are_told(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    watch([runs])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 of 2 done, 1 running"
    assert lines[1].startswith("failed: ") and lines[1].endswith("seed1-b: it is too hot") and len(lines) == 2


def test_on_a_terminal_there_is_a_bar_for_each_group(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(runs / "digits/img_space-small_cnn/seed3-c/shard-1of2", "done")
    monkeypatch.setenv("FORCE_COLOR", "1")
    watch([runs])
    said = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", capsys.readouterr().out)
    assert re.search(r"digits/img_space-small_cnn +[━╺]+ +1/1", said)
    assert re.search(r"digits/modules-small_cnn +[━╺]+ +1/2 +1 running", said)
    assert re.search(r"digits/modules-small_cnn +[━╺]+ +1/2 +1 failed", said)
    assert "it is too hot" in said and "2 of 3 done, 1 failed" in said


def test_runs_a_minute_are_those_of_the_last_minutes() -> None:
    rate = Rate()
    assert rate(0, 10) is None
    assert rate(60, 12) == 2
    assert rate(1000, 20) is None  # all that was seen is long ago
    assert rate(1030, 21) == 2


def test_a_command_is_told_of_the_first_failure_and_of_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    notify = Notify('echo "$MODROBUST_EVENT: $(cat)" >> told', Path("runs"))
    for failed in (0, 1, 2):
        notify.look(9, 3, failed)
    notify.end(9, 7, 2)
    assert (tmp_path / "told").read_text().splitlines() == [
        "failed: a run failed: 3 of 9 are done, 1 failed (runs)",
        "ended: the sweep has ended: 7 of 9 runs are done, 2 failed (runs)",
    ]
    Notify("exit 3", Path("runs")).end(1, 1, 0)  # which must not end the sweep
    assert "hydra.launcher.notify: " in caplog.text


def test_the_launcher_gives_the_command_its_news(modrobust: Modrobust, tmp_path: Path) -> None:
    notify = "hydra.launcher.notify='cat >> told'"
    assert modrobust("-m", *TINY, "seed=0", "hydra/launcher=local", notify).returncode == 0
    assert "the sweep has ended: 1 of 1 runs are done, 0 failed" in (tmp_path / "told").read_text()
