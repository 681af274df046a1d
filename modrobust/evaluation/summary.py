"""The short table at the end of a run."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table


def by_number_of_corruptions(results: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracy (percent) over compositions: a row for each variant, a column for each number of corruptions."""
    return results.pivot_table("accuracy", "variant", "n_corruptions", sort=False).sort_index(axis=1)


def show(folder: Path) -> None:
    """Print accuracy by number of corruptions and where the results lie; only the latter where none were tested."""
    console = Console(soft_wrap=True, highlight=False)
    if folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    path = folder / "results.csv"
    if path.exists():
        results = pd.read_csv(path)
        by_split = results["split"].nunique() > 1 or results["seed"].nunique() > 1
        console.print(_splits_table(results) if by_split else _accuracy_table(results))
        sizes = "/".join(str(n) for n in results["n_images"].unique())
        kind = "examples" if by_split else "images"
        console.print(f"{len(results)} rows of {sizes} {kind} each: {path}")
    console.print(f"configuration, log, learning curves, predictions: {folder}/")


def _accuracy_table(results: pd.DataFrame) -> Table:
    first = results.iloc[0]
    run = f"{first['dataset']} {first['method']} {first['model']} seed {first['seed']}"
    counts = results.groupby("n_corruptions")["composition"].nunique()
    table = Table(title=f"{run}: accuracy (%) on {first['split']} by number of corruptions", title_justify="left")
    table.add_column("corruptions")
    for n in counts.index:
        table.add_column(str(n), justify="right")
    for variant, row in by_number_of_corruptions(results).iterrows():
        table.add_row(str(variant), *(f"{value:.1f}" for value in row))
    table.add_row("compositions", *map(str, counts), style="dim")
    return table


def _splits_table(results: pd.DataFrame) -> Table:
    first = results.iloc[0]
    seeds = results["seed"].unique()
    which = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds.min()} to {seeds.max()}"
    table = Table(
        title=f"{first['dataset']} {first['method']} {first['model']} {which}: accuracy (% of bits)",
        title_justify="left",
    )
    for name in ("split", "examples", "mean", "lowest", "highest", "seeds at 100 %"):
        table.add_column(name, justify="left" if name == "split" else "right")
    for split, rows in results.groupby("split", sort=False):
        accuracy = rows["accuracy"]
        numbers = (f"{value:.1f}" for value in (accuracy.mean(), accuracy.min(), accuracy.max()))
        perfect = f"{(accuracy == 100).sum()} of {len(rows)}"
        table.add_row(str(split), str(rows["n_images"].iloc[0]), *numbers, perfect)
    return table
