"""The device and the numerical settings of the process."""

import os
import platform
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from modrobust import machine
from modrobust.dataset.splits import Dataset
from modrobust.errors import UserError
from modrobust.malloc import keep_freed_memory


def prepare(device: str, threads: int) -> torch.device:
    """Choose the device; fix what would make results differ between runs or slow them down.

    Args:
        device: auto (CUDA where there is one), cpu, cuda, cuda:<number>.
        threads: of the CPU. Sums are split over threads, so their number is part of the result.

    Raises:
        UserError: the device is not there.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    keep_freed_memory()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # dying activations would cost a factor of three
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device={device} is not there: {str(error).splitlines()[0]}") from error
    # On CUDA a few operations, of some foreign networks, have no fixed order of sums: torch then warns, and goes on.
    # (use_deterministic_algorithms would say the same, but imports a compiler for a second.)
    torch.set_deterministic_debug_mode("warn" if device.startswith("cuda") else "error")
    return torch.device(device)


def room(device: torch.device) -> float:
    """Bytes that a run may take for what it could also compute again: half of what is free on its device.

    On a CPU it is the run's share of that half, by its threads among the cores: others may run beside it.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] / 2
    return machine.memory_free() / 2 * min(1.0, torch.get_num_threads() / machine.cores())


def described(device: torch.device) -> dict[str, str | None]:
    """What a result depends on beside code and configuration: torch, cuda (None where it has none), device_name."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type}, {_processor()}"
    return {"torch": torch.__version__, "cuda": torch.version.cuda or torch.version.hip, "device_name": name}


def _processor() -> str:
    """What the processor is called: by Linux, where the standard library only knows its family, else by that."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        if names := [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]:
            return names[0]
    return platform.processor() or platform.machine()


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on a device; the host does not wait until it is there."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def place(dataset: Dataset, device: torch.device) -> Dataset:
    """Put a dataset's splits on a GPU where they take at most a quarter of its memory; else leave them."""
    if device.type != "cuda":
        return dataset
    size = sum(split.inputs.numel() * split.inputs.element_size() for split in dataset.splits.values())
    if size > torch.cuda.get_device_properties(device).total_memory / 4:
        return dataset
    return replace(dataset, splits={name: split.to(device) for name, split in dataset.splits.items()})
