"""Run folders of structured data with made-up results."""

from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

CURVE = np.array([[0.5, 0.5, 0.5], [0.95, 0.75, 0.9], [1, 0.9, 0.95], [0.9, 0.8, 1]])  # of seeds 0, 1, 2


def write_run(
    folder: Path,
    seeds: tuple[int, ...] = (0, 1, 2),
    curve: np.ndarray = CURVE,
    model: str = "mlp",
    fraction: float = 0.5,
    found: bool = False,
    dataset: str = "boolean",
    splits: tuple[str, ...] = ("train", "test"),
) -> Path:
    """A finished run under a folder; accuracies of all splits are those of the curve, float (epochs, seeds), 0..1."""
    folder.mkdir(parents=True)
    config = {"seed": seeds[0], "replicas": len(seeds), "dataset": {"name": dataset, "train_fraction": fraction}}
    OmegaConf.save(OmegaConf.create({**config, "model": {"name": model}}), folder / "config.yaml")
    arrays = {f"{split}_accuracy": curve.astype(np.float32) for split in splits}
    arrays |= {f"{split}_loss": 1 - curve.astype(np.float32) for split in splits}
    np.savez(folder / "curves.npz", seeds=np.array(seeds), **arrays)  # type: ignore[arg-type]
    common = {"dataset": dataset, "method": "supervised", "variant": "default", "model": model, "loss": 0.5}
    common |= {"composition": "Identity", "n_corruptions": 0, "n_images": 32}
    rows = [
        {**common, "seed": seed, "split": split, "accuracy": 100 * accuracy}
        for split in splits
        for seed, accuracy in zip(seeds, curve[-1], strict=True)
    ]
    pd.DataFrame(rows).to_csv(folder / "results.csv", index=False)
    pd.DataFrame([{"trained": 90, "all": 100}]).to_csv(folder / "parameters.csv", index=False)
    if found:
        routing = [{"seed": s, "inputs": 5 + s, "inputs_true": 10, "modules": 1, "modules_true": 4} for s in seeds]
        pd.DataFrame(routing).to_csv(folder / "found.csv", index=False)
    return folder
