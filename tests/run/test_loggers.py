"""Trackers: their logs are whole and without doubles, whatever a run went through; they change nothing else."""

import json
import signal
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command import Command
from test_resume import INTERRUPT, KILL_WHILE_WRITING

from modrobust.errors import UserError
from modrobust.logger.wandb import WandB

OFFLINE = "import os; os.environ['WANDB_MODE'] = 'offline'\n"
CONFIG = {group: {"name": group} for group in ("dataset", "method", "model")}

Curves = dict[str, list[tuple[int, float]]]
"""Name of a metric -> (epoch, value), as logged."""


def in_tensorboard(command: Command) -> tuple[Curves, Curves]:
    """Learning curves, and accuracies by number of corruptions."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(command.file("events.out.tfevents.*").parent))
    events.Reload()
    curves = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    final = {tag: curves.pop(tag) for tag in list(curves) if tag.endswith("by_corruptions")}
    return curves, final


def in_wandb(command: Command) -> tuple[Curves, Curves]:
    from wandb_file import history_and_summary

    history, summary, config = history_and_summary(command.file("run-*.wandb"))
    assert [row["_step"] for row in history] == list(range(len(history)))
    assert config["training"]["epochs"] == 2
    curves: Curves = {}
    for row in history:
        for name, value in row.items():
            if "/" in name:
                curves.setdefault(name, []).append((row["epoch"], value))
    final: Curves = {}
    for name, value in summary.items():
        if "/accuracy_" in name:
            which, _, number = name.rpartition("_")
            final.setdefault(f"{which}_by_corruptions", []).append((int(number), value))
    return curves, final


def in_files(command: Command) -> tuple[Curves, Curves]:
    import pandas as pd

    curves: Curves = {}
    for line in command.file("metrics.jsonl", "outputs/runs").read_text().splitlines():
        row = json.loads(line)
        for name in row.keys() - {"part", "epoch"}:
            curves.setdefault(f"{row['part']}/{name}", []).append((row["epoch"], row[name]))
    means = pd.read_csv(command.file("results.csv")).groupby("n_corruptions")["accuracy"].mean()
    return curves, {"test/default/accuracy_by_corruptions": [(int(str(n)), mean) for n, mean in means.items()]}


def assert_same(found: tuple[Curves, Curves], known: tuple[Curves, Curves]) -> None:
    for some, all_of in zip(found, known, strict=True):
        assert some.keys() == all_of.keys()
        for name, points in all_of.items():
            assert [step for step, _ in some[name]] == [step for step, _ in points], name
            assert [value for _, value in some[name]] == pytest.approx([value for _, value in points], rel=1e-5)


READERS: dict[str, Callable[[Command], tuple[Curves, Curves]]] = {"tensorboard": in_tensorboard, "wandb": in_wandb}


@pytest.fixture(params=READERS)
def logger(request: pytest.FixtureRequest) -> str:
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


@pytest.mark.parametrize("also_killed", [False, True], ids=["interrupted", "also killed"])
def test_a_run_stopped_and_resumed_is_logged_whole_and_once(
    modrobust: Command, undisturbed: Command, logger: str, also_killed: bool
) -> None:
    """Interrupted in the second epoch, killed in the evaluation, resumed: what its files hold, each row once."""
    option = f"logger={logger}"
    stopped = modrobust(option, before=OFFLINE + INTERRUPT.format(after=10, signum=int(signal.SIGTERM)))
    assert stopped.code == 143, stopped.stderr
    if also_killed:
        killed = modrobust(option, before=OFFLINE + KILL_WHILE_WRITING.format(name="results.csv", moment="half"))
        assert killed.code == -signal.SIGKILL, killed.stderr
    assert modrobust(option, before=OFFLINE).code == 0
    assert_same(READERS[logger](modrobust), in_files(modrobust))
    assert modrobust.results() == undisturbed.results()  # and in the folders that it has without a logger
    run = modrobust.file("results.csv").relative_to(modrobust.folder)
    assert (undisturbed.folder / run).exists()


def test_parts_that_were_trained_before_are_logged(modrobust: Command, undisturbed: Command, logger: str) -> None:
    modrobust.take_parts(undisturbed)
    assert modrobust(f"logger={logger}", before=OFFLINE).code == 0
    found, known = READERS[logger](modrobust), in_files(modrobust)
    assert [epoch for epoch, _ in found[0]["classifier/loss"]] == [1, 2]
    assert_same(found, known)


def test_without_its_package_nothing_is_trained(modrobust: Command, logger: str) -> None:
    ended = modrobust(f"logger={logger}", before=f"import sys; sys.modules[{logger!r}] = None")
    assert ended.code == 1
    assert ended.stderr.startswith(f"modrobust: logger={logger}: ")
    assert f"pip install {logger}" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (modrobust.folder / "outputs" / "parts").exists()


def test_metrics_are_a_table_too(undisturbed: Command) -> None:
    import pandas as pd

    table = pd.read_csv(undisturbed.file("metrics.csv"))
    rows = [json.loads(line) for line in undisturbed.file("metrics.jsonl", "outputs/runs").read_text().splitlines()]
    pd.testing.assert_frame_equal(table, pd.DataFrame(rows))


class Online:
    """In the place of the package wandb: what a run is told, where W&B has some steps already."""

    Error, Settings = RuntimeError, SimpleNamespace

    def __init__(self, has: int) -> None:
        self.run = SimpleNamespace(
            **{"step": has, "url": "https://wandb.example/run", "offline": False, "summary": {}},
            **{"log": self._log, "define_metric": lambda *_, **__: None, "finish": lambda exit_code: None},
        )
        self.told: list[tuple[int, int]] = []
        self.ids: list[str] = []

    def init(self, **options: Any) -> SimpleNamespace:
        assert options["resume"] == "allow"
        self.ids.append(options["id"])
        return self.run

    def _log(self, row: dict[str, float], step: int) -> None:
        self.told.append((step, int(row["epoch"])))


def test_steps_that_are_online_already_are_not_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"part": "classifier", "epoch": epoch, "loss": 1 / epoch} for epoch in range(1, 6)]
    first, resumed = Online(0), Online(3)
    for package, some in ((first, rows[:3]), (resumed, rows)):
        monkeypatch.setitem(sys.modules, "wandb", package)
        with WandB(tmp_path, CONFIG, project="modrobust", entity=None, mode=None) as tracker:
            for row in some:
                tracker.epoch(row)
    assert first.told == [(0, 1), (1, 2), (2, 3)]
    assert resumed.told == [(3, 4), (4, 5)]
    assert first.ids == resumed.ids


def test_what_wandb_refuses_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = Online(0)
    monkeypatch.setattr(
        package, "init", lambda **_: (_ for _ in ()).throw(RuntimeError("api_key not configured\nmore"))
    )
    monkeypatch.setitem(sys.modules, "wandb", package)
    with pytest.raises(UserError, match=r"^logger=wandb: api_key not configured\. Without a network: "):
        WandB(tmp_path, CONFIG, project="modrobust", entity=None, mode=None)
    with pytest.raises(UserError, match=r"^logger.mode=of: allowed are online, offline and null"):
        WandB(tmp_path, CONFIG, project="modrobust", entity=None, mode="of")  # type: ignore[arg-type]
