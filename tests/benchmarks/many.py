"""Twenty thousand runs: how long --status and the report of so many take, and how that grows. Copies of one real run.

    python tests/benchmarks/many.py [runs]...    default 2000 20000

Of each command the seconds from begin to end, and of processor time, which other programs change less.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

TINY = ("dataset=boolean", "training.epochs=3", "threads=1", "seed=0")


def main() -> None:
    """Print both for each number of runs."""
    for number in [int(text) for text in sys.argv[1:]] or [2_000, 20_000]:
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            command(folder, "modrobust", *TINY)
            (run,) = folder.glob("outputs/runs/boolean/*/seed0-*")
            for seed in range(1, number):
                copy(run, seed)
            for told in (("--status",), (), ("-o", "out")):
                wall, used = command(folder, "modrobust.report", *told)
                print(
                    f"{number} runs, modrobust-report {' '.join(told)}: {wall:.1f} s, processor {used:.1f} s",
                    flush=True,
                )
    print(f"load {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")


def copy(run: Path, seed: int) -> None:
    """The same run of another seed."""
    place = run.with_name(f"seed{seed}-{run.name.partition('-')[2]}")
    place.mkdir()
    for file in run.iterdir():
        if file.suffix in (".yaml", ".csv", ".json", ".jsonl"):
            text = file.read_text()
            text = re.sub(r"^seed: 0$", f"seed: {seed}", text, flags=re.MULTILINE)
            text = re.sub(r"^(boolean,supervised,\w+,\w+,)0,", rf"\g<1>{seed},", text, flags=re.MULTILINE)
            (place / file.name).write_text(text)
        elif file.name == "curves.npz":
            np.savez(place / file.name, **{**np.load(file), "seeds": np.array([seed])})
        elif not file.name.startswith("."):
            (place / file.name).hardlink_to(file)


def command(folder: Path, module: str, *arguments: str) -> tuple[float, float]:
    """Seconds from begin to end, and of processor time."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, used


if __name__ == "__main__":
    main()
