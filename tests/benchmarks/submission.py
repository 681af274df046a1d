"""How long a large sweep takes to plan, to submit, to look at; what a run costs by itself and in a pack. Real Slurm.

tests/slurm/start.sh; export SLURM_CONF=/tmp/modrobust-slurm/slurm.conf
python tests/benchmarks/submission.py [jobs [runs]]    default 2000 jobs submitted, 20 runs done (one and 20 a job)
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SLURM = ("hydra/launcher=slurm_debug", "hydra.launcher.mem_gb=1", "training.epochs=1", "threads=1", "dataset=boolean")


def main() -> None:
    """Print seconds and the launcher's peak memory."""
    jobs, runs = (int(x) for x in (*sys.argv[1:], *("2000", "20")[len(sys.argv) - 1 :]))
    folder = Path(tempfile.mkdtemp())
    _, seconds = command(folder, "modrobust", "-m", "experiment=digits", f"seed=range({jobs // 6})", "--dry-run")
    print(f"--dry-run of {jobs // 6} seeds of six methods: {seconds:.1f} s")
    sweep = (*SLURM, f"seed=range({jobs})", "hydra.launcher.wait=false")
    hold = "+hydra.launcher.additional_parameters.hold=true"
    said, seconds = command(folder, "modrobust", "-m", *sweep, hold)
    chunks = [int(n) for n in re.findall(r"submitted (\d+) jobs", said)]
    print(f"submission of {sum(chunks)} jobs in chunks of {chunks}: {seconds:.1f} s, peak {peak():.0f} MB")
    _, seconds = command(folder, "modrobust", "-m", *sweep, hold)
    print(f"the same command again, all queued: {seconds:.1f} s")
    _, seconds = command(folder, "modrobust.report", "--status")
    print(f"modrobust-report --status: {seconds:.1f} s")
    subprocess.run(["scancel", "--name=modrobust"], check=True)
    for pack in (1, 20):
        arguments = (*SLURM, f"seed=range({runs})", f"paths.outputs=pack{pack}", f"hydra.launcher.runs_per_job={pack}")
        _, seconds = command(folder, "modrobust", "-m", *arguments)
        print(f"{runs} runs, {pack} a job: {seconds / runs:.2f} s a run from command to end")
    print(f"load {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")


def command(folder: Path, module: str, *arguments: str) -> tuple[str, float]:
    """What a command prints, and the seconds it takes."""
    begun = time.perf_counter()
    call = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(call, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout, time.perf_counter() - begun


def peak() -> float:
    """Memory of the largest process that was waited for, MB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


if __name__ == "__main__":
    main()
