"""Run folders with made-up results: as `modrobust` writes them, without its computing."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from modrobust.corruption.composition import label, sample
from modrobust.evaluation.examples import examples_path

NAMES = ["Contrast", "GaussianBlur", "ImpulseNoise", "Invert", "Rotate90", "Swirl"]
COMPOSITIONS = sample(NAMES)
N_IMAGES, CLASSES, TILE = 296, 10, 8
QUALITY = {"cross_entropy": 0.74, "contrastive": 0.72, "auto_contrastive": 0.7, "modules": 0.83, "auto_modules": 0.8}


def config(method: str, seed: int, lr: float, dataset: str = "digits") -> dict[str, object]:
    """What config.yaml holds, and the example images depend on."""
    elemental = {name: {"_target_": f"modrobust.corruption.{name.lower()}", "severity": 2} for name in NAMES}
    return {
        "seed": seed,
        "training": {"epochs": 12, "batch_size": 64, "optimizer": {"_target_": "torch.optim.SGD", "momentum": 0.9}},
        "evaluation": {"split": "test", "compositions": None, "max_length": None, "batch_size": 256},
        "model": {"name": "small_cnn", "num_classes": CLASSES},
        "method": {"name": method, "lr": lr},
        "corruption": {"seed": 0, "names": NAMES, "elemental": elemental},
        "dataset": {"name": dataset, "num_classes": CLASSES, "image_size": TILE, "n_train": None, "n_test": None},
    }


def write_run(outputs: Path, method: str, seed: int, lr: float = 0.1, dataset: str = "digits") -> Path:
    """A run under outputs/runs, finished; accuracies fall with the number of corruptions."""
    draw = np.random.default_rng([seed, len(method), int(1e6 * lr)])
    folder = outputs / "runs" / dataset / f"{method}-small_cnn" / f"seed{seed}-{int(1e6 * lr)}"
    folder.mkdir(parents=True)
    rows = []
    for i, composition in enumerate(COMPOSITIONS):
        difficulty = np.random.default_rng(i).normal(0, 0.06) * bool(composition)
        share = 0.98 * QUALITY.get(method, 0.75) ** (0.6 * len(composition)) + difficulty + draw.normal(0, 0.015)
        right = int(np.clip(share, 0.05, 1) * N_IMAGES)
        row = {"dataset": dataset, "method": method, "variant": "default", "model": "small_cnn", "seed": seed}
        row |= {"split": "test", "composition": label(composition), "n_corruptions": len(composition)}
        loss = (0.01 - np.log(right / N_IMAGES)) * draw.uniform(0.9, 1.1)
        rows.append({**row, "n_images": N_IMAGES, "loss": loss, "accuracy": 100 * right / N_IMAGES})
    pd.DataFrame(rows).to_csv(folder / "results.csv", index=False)
    (folder / "config.yaml").write_text(yaml.safe_dump(config(method, seed, lr, dataset), sort_keys=False))
    status = {"state": "done", "attempt": 1, "seconds": 31.4, "host": "node7", "git_commit": "0123456789abcdef"}
    (folder / "status.json").write_text(json.dumps(status))
    lines = [f"[2026-01-01 00:00:{i:02}] epoch {i} loss {3 / (i + 1) + seed / 1e4:.4f}" for i in range(30)]
    (folder / "run.log").write_text("\n".join(lines) + "\n<b>not markup</b> </script>\n")
    return folder


def write_pictures(outputs: Path) -> None:
    """Example images: the tile of row r and column c is of the grey value r + 50 c."""
    path = examples_path(outputs, config("modules", 0, 0.1))
    path.parent.mkdir(parents=True)
    values = np.arange(len(COMPOSITIONS))[:, None] + [0, 50]
    Image.fromarray(np.kron(values, np.ones((TILE, TILE))).astype(np.uint8)).save(path)
    names = [label(composition) for composition in COMPOSITIONS]
    description = {"compositions": names, "tile": TILE, "index": [35, 39], "targets": [5, 9]}
    path.with_suffix(".json").write_text(json.dumps(description))
