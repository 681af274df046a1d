"""The short table at the end of a run."""

from pathlib import Path
from typing import Any

import pandas as pd

from modrobust.evaluation.corruption_error import of_single, severity_folders
from modrobust.store.files import read_json
from modrobust.terminal.folded import print_table


def by_number_of_corruptions(results: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracy (percent) over compositions: a row for each variant, a column for each number of corruptions."""
    return results.pivot_table("accuracy", "variant", "n_corruptions", sort=False).sort_index(axis=1)


def show(folder: Path) -> None:
    """Print accuracy by number of corruptions and where the results lie; only the latter where none were tested."""
    if folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    path = folder / "results.csv"
    if path.exists():
        results = pd.read_csv(path)
        by_split = results["split"].nunique() > 1 or results["seed"].nunique() > 1
        (_print_splits if by_split else _print_accuracy)(results)
        sizes = "/".join(str(n) for n in results["n_images"].unique())
        kind = "examples" if by_split else "images"
        print(f"{len(results)} rows of {sizes} {kind} each: {path}")
        _print_errors(folder)
    if took := _took(read_json(folder / "status.json") or {}):
        print(took)
    print(f"configuration, log, learning curves, predictions: {folder}/")


def _took(status: dict[str, Any]) -> str:
    """What the last attempt took, as a line; empty where nothing is recorded."""
    said = []
    for what in ("training", "testing"):
        if speed := status.get(f"{what}_images_per_second"):
            said.append(f"{what} {speed:,.0f} images/s")
    for where, key in (("", "peak_memory_mb"), (" on the GPU", "peak_device_memory_mb")):
        if megabytes := status.get(key):
            said.append(f"at most {megabytes / 1000:.1f} GB of memory{where}")
    return ", ".join(said)


def _print_errors(folder: Path) -> None:
    """A line for each severity, with the mean over all."""
    found = [
        (images, severity, pd.read_csv(place / "results.csv")) for images, severity, place in severity_folders(folder)
    ]
    if not found:
        return
    rows = pd.concat([rows.assign(images=images, severity=severity) for images, severity, rows in found])
    severities = [*sorted(rows["severity"].unique()), "mean"]
    by_severity = of_single(rows, ["images", "variant", "severity"])
    table = by_severity.pivot_table("error", ["images", "variant"], "severity", sort=False)
    if table.empty:
        return
    table["mean"] = table.mean(axis=1)
    rows = table.reset_index()
    lines = [[row["images"], row["variant"], *(f"{row[one]:.1f}" for one in severities)] for _, row in rows.iterrows()]
    title = "error (%) by severity, mean over single corruptions; the mean over both is the plain mCE"
    print_table(title, ["images", "variant", *map(str, severities)], lines)


def _print_accuracy(results: pd.DataFrame) -> None:
    first = results.iloc[0]
    run = f"{first['dataset']} {first['method']} {first['model']} seed {first['seed']}"
    counts = results.groupby("n_corruptions")["composition"].nunique()
    means = by_number_of_corruptions(results).iterrows()
    lines = [[str(variant), *(f"{value:.1f}" for value in row)] for variant, row in means]
    title = f"{run}: accuracy (%) on {first['split']} by number of corruptions"
    header = ["corruptions", *map(str, counts.index)]
    print_table(title, header, [*lines, ["compositions", *map(str, counts)]])


def _print_splits(results: pd.DataFrame) -> None:
    first = results.iloc[0]
    seeds = results["seed"].unique()
    which = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds.min()} to {seeds.max()}"
    lines = []
    for split, rows in results.groupby("split", sort=False):
        accuracy = rows["accuracy"]
        numbers = (f"{value:.1f}" for value in (accuracy.mean(), accuracy.min(), accuracy.max()))
        perfect = f"{(accuracy == 100).sum()} of {len(rows)}"
        lines.append([str(split), str(rows["n_images"].iloc[0]), *numbers, perfect])
    title = f"{first['dataset']} {first['method']} {first['model']} {which}: accuracy (% of bits)"
    print_table(title, ("split", "examples", "mean", "lowest", "highest", "seeds at 100 %"), lines)
