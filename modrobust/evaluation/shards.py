"""One evaluation split over several runs: each tests a share of the compositions; the last one merges."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from hydra.utils import instantiate
from omegaconf import OmegaConf

from modrobust.corruption.choice import choose
from modrobust.corruption.composition import label
from modrobust.evaluation.corruption_error import severity_folders
from modrobust.store.files import read_json, write_atomically, write_json, write_npz
from modrobust.store.lock import Lock


def merged(run: Path) -> Path:
    """Where the results of a finished run are: of the last share to be done, in the folder above, merged.

    Args:
        run: its folder, or that of a share, shard-<part>of<of>.
    """
    name = re.fullmatch(r"shard-\d+of(\d+)", run.name)
    if name is None:
        return run
    config = OmegaConf.load(run / "config.yaml")
    wanted, corruption = config.evaluation, config.corruption
    every = instantiate(corruption.compositions, _convert_="all")
    compositions = choose(every, corruption.elemental, wanted.compositions, wanted.max_length)
    whole = config.evaluate and merge(run.parent, [label(one) for one in compositions], int(name[1]))
    return run.parent if whole else run


def merge(folder: Path, order: list[str], of: int) -> bool:
    """Make one result of all shares, where all are done.

    Args:
        folder: the run folder that holds shard-1of<of> .. shard-<of>of<of>.
        order: names of all compositions; the merged rows come in this order within each variant.
        of: number of shares.

    Returns:
        Whether all shares are there, and so folder/results.csv, as one undivided run would write it.
    """
    shards = [folder / f"shard-{part}of{of}" for part in range(1, of + 1)]
    with Lock(folder / ".merge.lock"):
        states = [(read_json(shard / "status.json") or {}).get("state") for shard in shards]
        if states != ["done"] * of:
            return False
        below = {place.relative_to(shard) for shard in shards for _, _, place in severity_folders(shard)}
        for place in (*sorted(below), Path()):
            _merge_results([shard / place for shard in shards], folder / place, order)
        for name in ("config.yaml", "metrics.jsonl", "metrics.csv"):
            shutil.copy(shards[0] / name, folder / name)
        status = read_json(shards[-1] / "status.json") or {}
        write_json(folder / "status.json", {**status, "state": "done", "shards": of})
    return True


def _merge_results(shards: list[Path], folder: Path, order: list[str]) -> None:
    """Arrays, and last the table. What only one share has tested, as published images, is in its own order."""
    for name in ("predictions.npz", "activations.npz"):
        _merge_arrays([shard / name for shard in shards], folder / name, order)
    for name in ("diagnostics.csv", "results.csv"):
        _merge_tables([path for shard in shards if (path := shard / name).exists()], folder / name, order)


def _merge_tables(tables: list[Path], target: Path, order: list[str]) -> None:
    if not tables:
        return
    table = pd.concat([pd.read_csv(path, dtype=str, keep_default_na=False) for path in tables])
    order = order if set(table["composition"]) <= {*order} else list(dict.fromkeys(table["composition"]))
    variants = list(dict.fromkeys(table["variant"]))
    rank = table["variant"].map(variants.index) * len(order) + table["composition"].map(order.index)
    table = table.iloc[np.argsort(rank.to_numpy(), kind="stable")]
    write_atomically(target, lambda file: table.to_csv(file, index=False, lineterminator="\n"))


def _merge_arrays(paths: list[Path], target: Path, order: list[str]) -> None:
    files = [np.load(path) for path in paths if path.exists()]
    if not files:
        return
    labels = np.concatenate([file["compositions"] for file in files])
    rows = np.argsort([order.index(name) if name in order else len(order) for name in labels], kind="stable")
    merged = {"compositions": labels[rows]}
    for key in files[0].files:
        if "/" in key:  # per variant: first axis is the composition
            merged[key] = np.concatenate([file[key] for file in files])[rows]
        elif key != "compositions":
            merged[key] = files[0][key]
    write_npz(target, merged)
