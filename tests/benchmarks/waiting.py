"""What a launcher costs that waits for a large sweep on Slurm: processor time a minute, questions to Slurm.

python tests/benchmarks/waiting.py [runs]    default 2000, of which 256 run; no Slurm is needed, a stand-in answers
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from modrobust.sweep import index
from modrobust.sweep.launch import LONGEST_PAUSE, SHORTEST_PAUSE
from modrobust.sweep.status import Watch

MINUTES = 5
RUNNING = 256


def main() -> None:
    """Print seconds of processor time a minute, of this process and of those it starts."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place) / "runs"
        folders = [runs / f"digits/modules-small_cnn/seed{seed}-0123456789" for seed in range(count)]
        for i, folder in enumerate(folders):
            folder.mkdir(parents=True)
            content = {"state": "running", "slurm_job_id": f"7_{i}"} if i < RUNNING else {"state": "queued"}
            (folder / "status.json").write_text(json.dumps(content))
        jobs = [f"{7 + i // 1000}_{i % 1000}" for i in range(count)]
        index.record(runs, [(job, [folder]) for job, folder in zip(jobs, folders, strict=True)], {}, 0)
        queue = [f"{job} {'RUNNING' if i < RUNNING else 'PENDING'}" for i, job in enumerate(jobs)]
        (Path(place) / "queue").write_text("\n".join(queue) + "\n")
        squeue = Path(place) / "squeue"
        squeue.write_text(f"#!/bin/sh\necho x >> {place}/asked\ncat {place}/queue\n")
        squeue.chmod(0o755)
        os.environ["PATH"] = f"{place}:{os.environ['PATH']}"
        watch, now, beat = Watch(runs), 0.0, 0.0
        before = used()
        while now < 60 * MINUTES:
            watch.look(folders)
            now += min(LONGEST_PAUSE, SHORTEST_PAUSE + now / 5)
            while beat < now:
                beat += 30
                for folder in folders[:RUNNING]:  # signs of life
                    os.utime(folder / "status.json", (time.time(), time.time() + beat))
        own, others = (after - x for after, x in zip(used(), before, strict=True))
        asked = len((Path(place) / "asked").read_text().splitlines())
    said = f"{own / MINUTES:.2f} s a minute, squeue {others / MINUTES:.2f} s, asked {asked} times"
    print(f"{count} runs, {MINUTES} min: {said}")


def used() -> tuple[float, float]:
    """Seconds of processor time of this process, and of those it has waited for."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return tuple(sum(resource.getrusage(kind)[:2]) for kind in kinds)  # type: ignore[return-value]


if __name__ == "__main__":
    main()
