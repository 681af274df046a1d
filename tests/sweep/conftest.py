"""The command as people type it, and a real Slurm where there can be one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sweeps import SLOW_SCHEDULE, Modrobust, results

START = Path(__file__).parent.parent / "slurm" / "start.sh"


@pytest.fixture
def modrobust(tmp_path: Path) -> Modrobust:
    """Runs `modrobust <overrides>` in tmp_path, to its end."""

    (tmp_path / "slow.py").write_text(SLOW_SCHEDULE)

    def modrobust(*overrides: str, module: str = "modrobust") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", module, *overrides]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)

    return modrobust


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """SLOW runs take half a minute."""
    monkeypatch.setenv("SECONDS_AN_EPOCH", "0.3")


@pytest.fixture
def as_undisturbed(modrobust: Modrobust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Does runs without a scheduler and at full speed; whether they end with the bytes of those done before."""

    def as_undisturbed(*runs: str) -> bool:
        monkeypatch.setenv("SECONDS_AN_EPOCH", "0")
        assert modrobust("-m", *runs, "paths.outputs=plain").returncode == 0
        return results(tmp_path / "outputs/runs") == results(tmp_path / "plain/runs")

    return as_undisturbed


@pytest.fixture(scope="session")
def slurm() -> Iterator[None]:
    """A Slurm of one node on this machine, whose arrays have at most two jobs; beside one that may run already."""
    if os.getuid() != 0 or not all(map(shutil.which, ("slurmctld", "slurmd", "munged"))):
        pytest.skip("no Slurm: tests/slurm/start.sh, run by root, installs and starts one")
    home = "/tmp/modrobust-slurm-tests"
    settings = {"MODROBUST_SLURM": home, "MODROBUST_SLURM_PORT": "6927", "MODROBUST_SLURM_ARRAY": "3"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**settings, "SLURM_CONF": f"{home}/slurm.conf"}.items():
            patch.setenv(name, value)
        started = subprocess.run([START], capture_output=True, text=True, timeout=120, check=False)
        if started.returncode:
            pytest.skip(f"Slurm does not start here: {started.stderr}")
        yield
        subprocess.run([START, "stop"], check=False)
