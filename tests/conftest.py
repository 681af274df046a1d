"""What tests of several packages share."""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: as in runs, threads that wait do not spin

import numpy as np
import published
import pytest
from command import Command, Server

if TYPE_CHECKING:  # the process that only hands out tests needs no torch
    from torch import nn

SLURM = dict.fromkeys(("test_slurm", "test_launchers", "test_pool", "test_stages"), "slurm")
COMPOSED = dict.fromkeys(("test_compose", "test_values"), "the same configurations")
SHARED = {**SLURM, "test_page_in_browser": "browser", **COMPOSED}
"""What the tests of some files need and a machine has one of, or takes long to make."""


def shared(file: str) -> str | None:
    """What a file of tests shares with others; None for nothing."""
    return next((what for name, what in SHARED.items() if file.startswith(name)), None)


def pytest_configure() -> None:
    """Under nohup, too, the processes of tests hear SIGHUP: that it is ignored is inherited, a handler is not."""
    gc.disable()  # until what tests import has been imported: it stays
    os.fsync = lambda fd: None  # what tests write need not outlive the machine
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that must come one after the other begin first, so that the other processes work meanwhile."""
    items.sort(key=lambda item: shared(item.path.name) is None)


def pytest_collection_finish() -> None:
    """What is imported and collected by now is not looked through for garbage again and again."""
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Of -n auto: one more process than cores, as the one with the tests of Slurm mostly waits."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With -n, tests that share something go to the same process, others wherever there is time."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0].rpartition("/")[2]
            return shared(file) or nodeid

    return Scheduling(config, log)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """After the comparisons with the published code alone: their table."""
    if config.option.markexpr == "published":
        terminalreporter.write_line("\n".join(published.table()))


@pytest.fixture(scope="session")
def fill() -> "Callable[[nn.Module, int], None]":
    """Sets a network's parameters and statistics as those of the golden values: (network, tag)."""
    import torch

    def fill(network: "nn.Module", tag: int) -> None:
        tensors = {name: x for name, x in network.state_dict().items() if x.is_floating_point()}
        for k, (name, x) in enumerate(tensors.items()):
            draw = np.random.RandomState(1000 * tag + k).standard_normal(x.numel())
            if name.endswith("running_var"):
                draw = 1 + 0.1 * abs(draw)
            elif x.ndim > 1:
                draw *= np.sqrt(2 / (x.numel() / len(x)))
            else:
                draw = 0.1 * draw + name.endswith("weight")
            x.copy_(torch.from_numpy(draw).view_as(x))

    return fill


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("said"))
    yield server
    server.close()


@pytest.fixture
def modrobust(server: Server, tmp_path: Path) -> Command:
    """The command, in a new folder."""
    return Command(server, tmp_path)


@pytest.fixture(scope="session")
def undisturbed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A run that nothing disturbed; only to be read."""
    command = Command(server, tmp_path_factory.mktemp("undisturbed"))
    assert command().code == 0
    return command
