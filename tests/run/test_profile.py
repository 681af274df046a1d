"""profile=true, and what a run records of its speed and memory."""

import atexit
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from in_process import SMALL, modrobust
from torch.autograd import DeviceType
from torch.autograd.profiler_util import Interval

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


def test_what_a_gpu_does_is_counted_once_and_what_is_between_steps_is_no_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host, gpu = DeviceType.CPU, DeviceType.CUDA

    def event(name: str, device: DeviceType, begin: int, end: int, own: int, whole: int) -> SimpleNamespace:
        times = {"self_device_time_total": own, "device_time_total": whole, "cpu_time_total": end - begin}
        return SimpleNamespace(key=name, device_type=device, time_range=Interval(begin, end), **times)

    events = [
        event("modrobust: piece", host, 0, 100_000, 0, 80_000),
        event("aten::mm", host, 0, 60_000, 60_000, 60_000),
        event("modrobust: data", host, 60_000, 80_000, 20_000, 20_000),
        event("modrobust: data", gpu, 60_000, 80_000, 20_000, 20_000),  # the same, as lines of the GPU's own
        event("sgemm", gpu, 0, 60_000, 60_000, 60_000),
        event("modrobust: data", host, 200_000, 500_000, 0, 0),  # of a validation
    ]
    for device, expected in (
        ("cuda", {"network": 60, "data": 20, "waiting": 420}),
        ("cpu", {"network": 80, "data": 20}),
    ):
        one = Profile("training", "a step", tmp_path, torch.device("cpu"), first=0, count=1)
        one.device, one.profiler = torch.device(device), SimpleNamespace(events=lambda: events)  # type: ignore[assignment]
        one._tell(0.5)
        lines = capsys.readouterr().out.splitlines()
        told = {cells[1]: float(cells[3]) for line in lines if len(cells := line.split()) == 7 and cells[1] in expected}
        assert told == expected


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
