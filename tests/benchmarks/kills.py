"""A sweep of many tiny runs on a real Slurm, disturbed by random kills: does it end with the undisturbed one's bytes?

tests/slurm/start.sh; export SLURM_CONF=/tmp/modrobust-slurm/slurm.conf
python tests/benchmarks/kills.py [runs [kills [seed]]]        default 100 runs, 30 kills, seed 0
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "sweep"))
from chaos import ALL, disturbed
from sweeps import SLOW, SLOW_SCHEDULE, SLURM, results

RUNS_PER_JOB = 4


def main() -> None:
    """Print how often what was killed, and whether the tables are the same. Exits with 1 if they are not."""
    runs, kills, seed = (int(x) for x in (*sys.argv[1:], *("100", "30", "0")[len(sys.argv) - 1 :]))
    folder, chance = Path(tempfile.mkdtemp()), random.Random(seed)
    (folder / "slow.py").write_text(SLOW_SCHEDULE)
    sweep = ("-m", *SLOW, f"seed=range({runs})")
    kinds = [ALL[i % len(ALL)] for i in range(kills)]
    chance.shuffle(kinds)
    os.environ["SECONDS_AN_EPOCH"] = "0.03"
    begun = time.monotonic()
    count = disturbed((*sweep, *SLURM, f"hydra.launcher.runs_per_job={RUNS_PER_JOB}"), folder, kinds, chance, (1, 8))
    print(f"disturbed: {time.monotonic() - begun:.0f} s, {dict(count)}, load {os.getloadavg()[1]:.1f}", flush=True)
    os.environ["SECONDS_AN_EPOCH"] = "0"
    local = ("hydra/launcher=local", "paths.outputs=plain")
    subprocess.run([sys.executable, "-m", "modrobust", *sweep, *local], cwd=folder, check=True, capture_output=True)
    tables = [report(folder / outputs / "runs") for outputs in ("outputs", "plain")]
    files = [results(folder / outputs / "runs") for outputs in ("outputs", "plain")]
    print(tables[0])
    print(f"{len(files[0])} runs: tables {same(*tables)}, results.csv {same(*files)} ({folder})")
    sys.exit(tables[0] != tables[1] or files[0] != files[1] or len(files[0]) != runs)


def same(one: object, other: object) -> str:
    return "are the same to the byte" if one == other else "DIFFER"


def report(runs: Path) -> str:
    command = [sys.executable, "-m", "modrobust.report", str(runs)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
