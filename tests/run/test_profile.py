"""profile=true, and what a run records of its speed and memory."""

import atexit
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from in_process import SMALL, modrobust

from modrobust.profile import Profile


def test_a_profile_tells_where_time_goes_and_changes_nothing_else(tmp_path: Path) -> None:
    many = ("dataset.n_train=40", "training.batch_size=10", "training.epochs=1", "evaluation.max_length=1")
    plain, profiled = (
        modrobust(tmp_path, *SMALL, *many, *more) for more in (["paths.outputs=plain"], ["profile=true"])
    )
    assert (plain.code, profiled.code) == (0, 0), profiled.err
    (folder,) = tmp_path.glob("outputs/runs/digits/*/seed0-*")
    stretches = {"training": {"modrobust: data"}, "testing": {"modrobust: data", "modrobust: corruption"}}
    for what, expected in stretches.items():  # images in training are kept, and no longer corrupted
        events = json.loads((folder / f"profile-{what}.json").read_text())["traceEvents"]
        assert expected <= {event.get("name") for event in events}
    assert [word in profiled.out for word in ("network", "corruption", "data", "waiting")] == [True] * 4
    (other,) = tmp_path.glob("plain/runs/digits/*/*")
    assert other.name == folder.name
    assert (other / "results.csv").read_bytes() == (folder / "results.csv").read_bytes()


def test_bits_have_a_profile_and_too_short_a_training_is_said(tmp_path: Path) -> None:
    bits = ("dataset=boolean", "threads=1", "device=cpu", "training.epochs=2")
    result = modrobust(tmp_path, *bits, "profile=true")
    assert result.code == 0 and "this run has trained too few steps for a table" in result.err
    assert "testing: a split on average" in result.out and "training: a step" not in result.out
    assert [file.name for file in tmp_path.glob("outputs/runs/*/*/*/profile-*")] == ["profile-testing.json"]


def test_the_start_of_the_profiler_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    start = torch.profiler.profile.start
    monkeypatch.setattr(torch.profiler.profile, "start", lambda self: (start(self), time.sleep(0.5)))
    monkeypatch.setattr(Profile, "_tell", lambda self, seconds: told.append(seconds))
    with Profile("training", "a step", tmp_path, torch.device("cpu"), first=0, count=1).watch():
        pass
    assert len(told) == 1 and told[0] < 0.4


def test_a_profiler_that_is_broken_off_is_stopped_at_exit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_exit: list[Callable[[], None]] = []
    monkeypatch.setattr(atexit, "register", at_exit.append)
    one = Profile("training", "a step", tmp_path, torch.device("cpu"), first=0, count=2)
    with one.watch():
        pass
    assert at_exit == [one.profiler.stop]  # else the process would end by SIGSEGV
    at_exit[0]()


def test_speed_and_memory_are_recorded_and_shown(tmp_path: Path) -> None:
    result = modrobust(tmp_path, *SMALL)
    (file,) = tmp_path.glob("outputs/runs/digits/*/seed0-*/status.json")
    status = json.loads(file.read_text())
    assert status["training_images_per_second"] > 0 and status["testing_images_per_second"] > 0
    assert 100 < status["peak_memory_mb"] < 20_000
    assert "images/s, at most" in result.out
