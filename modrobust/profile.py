"""profile=true: where the time of some training steps, and of a batch of an evaluation, goes."""

import atexit
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

from modrobust.corruption.corruption import STRETCH as CORRUPTION
from modrobust.dataset.normalise import STRETCH as DATA
from modrobust.terminal.folded import print_table

log = logging.getLogger(__name__)

PIECE = "modrobust: piece"  # what a profile calls a step, or a batch


class Profile:
    """Looks at a few pieces of work out of many of the same kind, such as steps."""

    def __init__(self, what: str, unit: str, folder: Path, device: torch.device, first: int, count: int) -> None:
        """Nothing is looked at yet.

        Args:
            what: training or testing; the trace is written to <folder>/profile-<what>.json (for ui.perfetto.dev).
            unit: what a piece is called.
            folder: of the run.
            device: where the work is done.
            first: how many pieces go by before, while caches fill.
            count: how many are looked at.
        """
        self.what, self.unit, self.device = what, unit, device
        self.path = folder / f"profile-{what}.json"
        self.first, self.count, self.seen = first, count, 0
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
        self.profiler = profile(activities=activities)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Around every piece."""
        if self.seen == self.first:
            self.profiler.start()  # at first it takes seconds, which are not the run's
            atexit.register(self.profiler.stop)  # of a run that is interrupted: else the process ends by SIGSEGV
            self._wait()
            self.begun = time.perf_counter()
        with record_function(PIECE):
            yield
        self.seen += 1
        if self.seen == self.first + self.count:
            self._wait()
            seconds = time.perf_counter() - self.begun
            self.profiler.stop()
            atexit.unregister(self.profiler.stop)
            self.profiler.export_chrome_trace(str(self.path))
            self._tell(seconds)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _tell(self, seconds: float) -> None:
        cuda = self.device.type == "cuda"
        events = [event for event in self.profiler.events() or () if event.device_type == DeviceType.CPU]
        if cuda:  # an event of the host has the time of all that it started there
            busy = sum(event.self_device_time_total for event in events) / 1e6
        else:  # what is between the pieces, as a validation, is none of them
            pieces = [event.time_range for event in events if event.key == PIECE]
            events = [event for event in events if any(p.start <= event.time_range.start <= p.end for p in pieces)]
            seconds = busy = sum(piece.elapsed_us() for piece in pieces) / 1e6

        def total(name: str) -> float:
            mine = [event for event in events if event.key == name]
            return sum(event.device_time_total if cuda else event.cpu_time_total for event in mine) / 1e6

        corruption = total(CORRUPTION)
        data = max(0.0, total(DATA) - corruption * (self.what == "training"))
        parts = {"network": busy - corruption - data, "corruption": corruption, "data": data}
        parts["waiting"] = max(0.0, seconds - busy)
        lines = [[name, f"{1000 * t / self.count:.2f}", f"{100 * t / seconds:.1f}"] for name, t in parts.items()]
        where = "on the GPU (waiting: it has nothing to do)" if cuda else "on the processor"
        print_table(f"{self.what}: {self.unit} on average, {where}", ("", "ms each", "% of the time"), lines)
        log.info("trace: %s (open it in ui.perfetto.dev)", self.path)
