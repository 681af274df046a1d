"""Run folders with accuracies that tests choose."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

T_95 = {2: 12.7062, 3: 4.30265}  # quantile .975 of Student's t with n - 1 degrees of freedom
COMMIT = "0123456789abcdef"


def made(
    folder: Path,
    accuracy: Mapping[str, float],
    seed: int = 0,
    method: str = "cross_entropy",
    variant: str = "default",
    split: str = "test",
    state: str = "done",
    settings: Mapping[str, Any] | None = None,
    **status: Any,
) -> Path:
    """A run with the accuracies of some compositions; without any it has no results.csv.

    Args:
        settings: keys of its config.yaml, with dots.
        status: more of its status.json.
    """
    folder.mkdir(parents=True)
    config = OmegaConf.create({"seed": seed, "evaluation": {"split": split}})
    names = {"dataset.name": "digits", "method.name": method, "model.name": "small_cnn", "method.lr": 0.1}
    for key, value in {**names, **(settings or {})}.items():
        OmegaConf.update(config, key, value)
    OmegaConf.save(config, folder / "config.yaml")
    content = {"state": state, "git_commit": COMMIT, "git_dirty": False, "host": "another", **status}
    (folder / "status.json").write_text(json.dumps(content))
    common = {"dataset": config.dataset.name, "method": method, "variant": variant, "model": "small_cnn", "seed": seed}
    rows = [
        {"composition": name, "n_corruptions": 0 if name == "Identity" else name.count("-") + 1, "accuracy": value}
        for name, value in accuracy.items()
    ]
    if rows:
        pd.DataFrame(rows).assign(**common, split=split, n_images=50, loss=0.5).to_csv(
            folder / "results.csv", index=False
        )
    return folder
