"""How long `modrobust-report` takes: its help, a few runs, 2,000 runs. Made runs of random numbers; real sizes.

    python tests/benchmarks/report.py [--runs 2000] [--settings 2] [--folder outputs/benchmark]

`cold` means that the system's file cache was emptied first, which needs root; otherwise it is left out.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

from modrobust.corruption.composition import label, sample

NAMES = ("Contrast", "GaussianBlur", "ImpulseNoise", "Invert", "Rotate90", "Swirl")
METHODS = ("cross_entropy", "contrastive", "modules", "auto_modules", "img_space")
ALL_TABLES = """
import sys
from pathlib import Path
from modrobust.report.read.facts import collect
from modrobust.report.read.find import find
from modrobust.report.tables.formats import write
from modrobust.report.tables.images import others, rows_of, shown
runs, without = find([Path(sys.argv[1])])
facts = collect(runs, without)
rows = rows_of(runs, facts)
for table in (*shown(rows, facts, 0, all_pairs=True), *others(rows, facts)):
    list(write(table, Path(sys.argv[2])))
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--settings", type=int, default=2, help="learning rates of each method")
    parser.add_argument("--folder", type=Path, default=Path("outputs/benchmark"))
    arguments = parser.parse_args()
    make(arguments.folder / "few", 5, 1)
    make(arguments.folder / "many", arguments.runs, arguments.settings)
    few, many, output = (str(arguments.folder / name) for name in ("few", "many", "report"))
    report = ["-m", "modrobust.report"]
    commands = {
        "--help": [*report, "--help"],
        "5 runs": [*report, few],
        f"{arguments.runs} runs, tables on the terminal": [*report, many],
        f"{arguments.runs} runs, all tables written": ["-c", ALL_TABLES, many, output],
        f"{arguments.runs} runs, everything (-o: figures and the page, too)": [*report, many, "-o", output],
    }
    for name, options in commands.items():
        for cache in ("cold", "warm"):
            if cache == "cold" and not emptied():
                continue
            begun, used = time.perf_counter(), processor_seconds()
            subprocess.run([sys.executable, *options], check=True, stdout=subprocess.DEVNULL)
            seconds = time.perf_counter() - begun
            print(f"{name}, {cache}: {seconds:.2f} s (processor {processor_seconds() - used:.2f} s)")
    shutil.rmtree(arguments.folder)


def make(folder: Path, runs: int, settings: int) -> None:
    """Finished runs: methods by learning rates by seeds."""
    generator = np.random.default_rng(0)
    compositions = sample(NAMES)
    table = {"composition": [label(c) for c in compositions], "n_corruptions": [len(c) for c in compositions]}
    corruption = {"names": list(NAMES), "elemental": {name: {"severity": 2, "_partial_": True} for name in NAMES}}
    for i in range(runs):
        seed, setting, method = i // (settings * len(METHODS)), i // len(METHODS) % settings, METHODS[i % len(METHODS)]
        names = {"dataset": "digits", "method": method, "model": "small_cnn"}
        run = folder / f"{method}-small_cnn" / f"seed{seed}-{setting:010x}"
        run.mkdir(parents=True, exist_ok=True)
        rows = pd.DataFrame({**names, "variant": "default", "seed": seed, "split": "test", **table, "n_images": 10000})
        numbers = {"loss": generator.random(len(rows)), "accuracy": 100 * generator.random(len(rows))}
        rows.assign(**numbers).to_csv(run / "results.csv", index=False)
        config = {
            **{key: {"name": name, **{f"key{k}": k for k in range(8)}} for key, name in names.items()},
            **{"seed": seed, "training": {"epochs": 200, "batch_size": 256}, "corruption": corruption},
            **{"evaluation": {"split": "test", "compositions": None}, "paths": {"data": "data", "outputs": "outputs"}},
        }
        config["method"]["lr"] = 0.001 * (setting + 1)  # type: ignore[index]
        OmegaConf.save(OmegaConf.create(config), run / "config.yaml")
        (run / "status.json").write_text(json.dumps({"state": "done", "git_commit": "0" * 40, "git_dirty": False}))


def processor_seconds() -> float:
    """Of all commands so far: what a machine without other programs would take, about."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def emptied() -> bool:
    """Empty the system's file cache; whether that is allowed here."""
    try:
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3", encoding="utf-8")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
