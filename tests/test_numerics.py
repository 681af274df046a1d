"""Precision, layout, compilation: what they are by default, and that a run is trained and tested with them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from in_process import SMALL, modrobust
from torch import nn
from torch.torch_version import TorchVersion

from modrobust import machine
from modrobust.device import room
from modrobust.errors import UserError
from modrobust.numerics import COMPILES, Numerics, choose, only_float32


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def test_auto_is_chosen_by_the_device() -> None:
    assert choose(torch.device("cpu"), "auto", False, "auto") == Numerics("cpu", "float32", False, False)
    assert not torch.backends.cudnn.allow_tf32
    assert choose(torch.device("cuda"), "auto", False, "auto") == Numerics("cuda", "tf32", False, True)
    assert torch.backends.cudnn.allow_tf32 and torch.backends.cuda.matmul.allow_tf32
    assert choose(torch.device("cuda"), "float32", True, False) == Numerics("cuda", "float32", True, False)
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.skipif(torch.__version__ < COMPILES, reason="this torch does not compile an nn.Sequential")
def test_what_was_chosen_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "modrobust.numerics"):
        choose(torch.device("cpu"), "auto", False, "auto")
        assert choose(torch.device("cpu"), "tf32", True, True).precision == "float32"
        choose(torch.device("cuda"), "tf32", False, "auto")
    assert caplog.messages == [
        "networks compute on cpu in float32, channels first",
        "networks compute on cpu in float32 (tf32 is for CUDA), channels last, compiled",
        "networks compute on cuda in tf32, channels last",
    ]


@pytest.mark.parametrize("asked", [("tf32", False, "auto"), ("auto", True, "auto"), ("auto", False, True)])
def test_networks_that_know_no_other_way_are_asked_for_none(asked: tuple[str, bool, bool | str]) -> None:
    cpu = torch.device("cpu")
    assert only_float32(cpu, "dataset=boolean", "float32", False, False) == Numerics("cpu")
    assert not torch.backends.cudnn.allow_tf32
    with pytest.raises(UserError, match=r"^dataset=boolean goes with precision=float32 compile=false"):
        only_float32(cpu, "dataset=boolean", *asked)


def test_the_command_refuses_it_before_training(tmp_path: Path) -> None:
    result = modrobust(tmp_path, "dataset=boolean", "threads=1", "device=cpu", "precision=bfloat16")
    assert result.code == 1 and "dataset=boolean goes with precision=float32" in result.err
    assert not list(tmp_path.glob("outputs/parts/*"))


def test_a_network_is_laid_out_and_compiled_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self, **how: compiled.append(self))
    network = nn.Module()
    network.blocks = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(2, 2))
    assert Numerics("cpu", "float32", True, True).ready(network) is network
    assert compiled == list(network.blocks)
    assert network.blocks[0].weight.is_contiguous(memory_format=torch.channels_last)  # type: ignore[union-attr]


def test_a_torch_that_would_compile_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.11.0+cu130"))
    with pytest.raises(UserError, match=r"^compile=true needs torch 2.14 or newer, found is 2.11.0"):
        choose(torch.device("cpu"), "auto", True, "auto")


@pytest.mark.skipif(torch.__version__ < COMPILES, reason="this torch does not compile an nn.Sequential")
def test_every_block_is_compiled_for_every_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._dynamo

    graphs: list[str] = []

    def backend(graph: Any, inputs: list[Any]) -> Callable[..., Any]:
        assert all(isinstance(x, torch.Tensor) for x in inputs)  # no sizes: none is left open
        graphs.append(str([tuple(x.shape) for x in inputs]))
        return graph.forward  # type: ignore[no-any-return]

    plain = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda self, **how: plain(self, backend=backend, **how))
    config = torch._dynamo.config
    monkeypatch.setattr(config, "cache_size_limit", config.cache_size_limit)  # what choose sets is undone
    monkeypatch.setattr(config, "accumulated_cache_size_limit", config.accumulated_cache_size_limit)
    network, blocks = nn.Module(), [nn.Sequential(nn.Linear(n, n + 1), nn.ReLU()) for n in range(1, 6)]
    network.blocks = nn.Sequential(*blocks)
    choose(torch.device("cpu"), "auto", True, "auto").ready(network)
    with torch.no_grad():
        for batch in (4, 3, 4):
            x = torch.ones(batch, 1)
            for block in blocks:
                x = block(x)
    torch._dynamo.reset()
    assert len(graphs) == len(set(graphs)) == 2 * 5


def test_bfloat16_is_another_run_with_nearly_the_same_numbers(tmp_path: Path) -> None:
    runs = {}
    for precision in ("float32", "auto", "bfloat16"):
        result = modrobust(
            tmp_path, *SMALL, "dataset.n_test=100", f"precision={precision}", f"paths.outputs={precision}"
        )
        assert result.code == 0, result.err
        (file,) = tmp_path.glob(f"{precision}/runs/digits/*/*/results.csv")
        runs[precision] = file
    assert runs["float32"].read_bytes() == runs["auto"].read_bytes()
    assert len({file.parent.name for file in runs.values()}) == 3  # auto alone is what earlier runs are called
    exact, rough = (pd.read_csv(runs[p]).loss.item() for p in ("float32", "bfloat16"))
    assert exact != rough and abs(exact - rough) < 0.05


def test_half_of_the_free_memory_by_the_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        monkeypatch.setattr("modrobust.machine.memory_free", lambda: 8e9)
        monkeypatch.setattr("modrobust.machine.cores", lambda: 4)
        assert room(torch.device("cpu")) == 1e9
        monkeypatch.setattr("modrobust.machine.cores", lambda: 1)
        assert room(torch.device("cpu")) == 4e9
    finally:
        torch.set_num_threads(threads)


def test_the_machine_says_how_much_memory_is_free() -> None:
    assert 1e8 < machine.memory_free() < 1e14
