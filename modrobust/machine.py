"""What this process may use of the machine: cores, GPUs, memory; a container's and a job's share, not all there is."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def places(processes: int | None, gpus: int | None, runs_per_gpu: int, threads: int) -> list[dict[str, str]]:
    """What distinguishes the environments of a pool's workers: the GPU of each, by turns.

    Args:
        processes: how many workers; None: as many as GPUs and `runs_per_gpu` make, without GPUs cores over threads.
        gpus: how many GPUs to use; None: all that are visible; 0: leave to each run what it sees.
        runs_per_gpu: workers of each GPU.
        threads: of a run.
    """
    names = _gpus()
    if gpus is not None:
        names = (names or [str(gpu) for gpu in range(gpus)])[:gpus]
    count = processes or (len(names) * runs_per_gpu if names else max(1, cores() // threads))
    return [{"CUDA_VISIBLE_DEVICES": names[i % len(names)]} if names else {} for i in range(count)]


def cores() -> int:
    """Cores: by the process's affinity, by control groups (rounded up), and by Slurm, which may have neither."""
    found = [len(os.sched_getaffinity(0))]
    if (limit := os.environ.get("SLURM_CPUS_PER_TASK", "")).isdigit():
        found.append(int(limit))
    for quota, period in (text.split() for text in _limits("cpu.max")):
        if quota != "max":
            found.append(-(-int(quota) // int(period)))
    return max(1, min(found))


def _gpus() -> list[str]:
    """The names of visible GPUs, as CUDA_VISIBLE_DEVICES takes them; torch, which knows, takes a second to come."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1", "NoDevFiles")]
    try:
        command = ["nvidia-smi", "-L"]
        listed = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return re.findall(r"^GPU (\d+):", listed, re.MULTILINE)


def memory_left() -> float:
    """The share of the memory that is free: of the machine's, or of a control group's with less; 1 where not known."""
    return min((free / total for free, total in _memory()), default=1.0)


def memory_free() -> float:
    """Free memory in bytes: of the machine, or of a control group with less; 0 where not known."""
    return max(0.0, min((free for free, _ in _memory()), default=0.0))


def _memory() -> Iterator[tuple[float, float]]:
    """Free and all bytes: of the machine, and of each control group that has a limit."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        known = {name: 1024.0 * int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
        yield known["MemAvailable"], known["MemTotal"]
    except (OSError, KeyError, ValueError, IndexError):
        pass
    for most, used in zip(_limits("memory.max"), _limits("memory.current"), strict=False):
        if most != "max" and int(most):
            yield float(most) - float(used), float(most)


def memory_of(pid: int) -> int:
    """Bytes of main memory that a process has now; 0 of one that is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def _limits(name: str) -> Iterator[str]:
    """What a file says in this process's control group and those above it (cgroup v2)."""
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="ascii").rpartition("0::/")[2].strip()
    except OSError:
        return
    place = CGROUPS / own
    for folder in (place, *place.parents):
        if folder == CGROUPS.parent:
            break
        if (file := folder / name).is_file():
            yield file.read_text(encoding="ascii").strip()
