"""Every option of hydra/launcher on a real Slurm with fake GPUs."""

import os
import sys
from pathlib import Path

import pytest
from sweeps import TINY, Modrobust, results

from modrobust.config.options import CONF

HERE = ("hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2")
RUN = {
    "slurm": ("hydra.launcher.gpus_per_node=1",),
    "slurm_packed": (),
    "slurm_apptainer": (),
    "slurm_debug": (),
    "slurm_preemptible": (),  # last, so that no other takes its place
}


def test_all_are_tried() -> None:
    assert {file.stem for file in (CONF / "hydra/launcher").glob("*.yaml")} == {*RUN, "local"}


@pytest.mark.usefixtures("slurm")
def test_each_does_its_runs_and_imports_no_torch_to_submit_them(
    modrobust: Modrobust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('torch')\n")  # the current folder is searched first
    apptainer = tmp_path / "bin/apptainer"
    apptainer.parent.mkdir()
    apptainer.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\nshift 4\nexec {sys.executable} "$@"\n')
    apptainer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{apptainer.parent}:{os.environ['PATH']}")
    for i, (launcher, options) in enumerate(RUN.items()):  # all are submitted before any is waited for
        sweep = ("-m", *TINY, f"seed={i}", f"hydra/launcher={launcher}", *HERE, *options)
        elsewhere = "hydra.launcher.setup=['cd /']"  # where torch is torch
        ended = modrobust(*sweep, elsewhere, f"paths.outputs={tmp_path / 'outputs'}", "hydra.launcher.wait=false")
        assert ended.returncode == 0 and "submitted 1 jobs with 1 runs" in ended.stdout, ended.stderr
    for i, launcher in enumerate(RUN):
        ended = modrobust("-m", *TINY, f"seed={i}", f"hydra/launcher={launcher}")
        assert ended.returncode == 0 and "0 to do" in ended.stdout, ended.stdout
    assert len(results(tmp_path / "outputs/runs")) == len(RUN)
    assert (tmp_path / "called").read_text().startswith("exec --nv image.sif python -u -m submitit")
