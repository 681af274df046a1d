"""Accuracy by number of corruptions over runs: mean and 95 % interval over seeds."""

import pandas as pd
from scipy.special import stdtrit

from modrobust.errors import UserError

CELL = ["dataset", "method", "variant", "model", "split", "n_corruptions"]


def over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy (percent) by CELL: mean over compositions, then over seeds.

    Returns:
        Columns CELL, accuracy, interval (half width of the 95 % t interval; NaN for one seed), n (seeds).

    Raises:
        UserError: two runs are the same but for settings the table does not show.
    """
    runs = rows.groupby([*CELL, "seed"])["run"].nunique()
    if (runs > 1).any():
        first = runs[runs > 1].index[0]
        raise UserError(
            f"{runs.max()} runs have the same dataset, method, model, split and seed "
            f"({', '.join(map(str, first))}) but other settings: name the folders of one of them."
        )
    by_seed = rows.groupby([*CELL, "seed"], as_index=False)["accuracy"].mean()
    cells = by_seed.groupby(CELL)["accuracy"].agg(["mean", "std", "count"]).reset_index()
    half = stdtrit(cells["count"] - 1, 0.975) * cells["std"] / cells["count"] ** 0.5
    return cells.assign(accuracy=cells["mean"], interval=half, n=cells["count"])[[*CELL, "accuracy", "interval", "n"]]


def markdown(cells: pd.DataFrame) -> str:
    """A Markdown table: a line for each method and variant, a column for each number of corruptions."""
    lines = []
    for (dataset, split), some in cells.groupby(["dataset", "split"]):
        numbers = sorted(some["n_corruptions"].unique())
        lines += [
            "",
            f"Accuracy (%) on {dataset} {split}, by number of corruptions; mean and 95 % interval over n seeds",
        ]
        lines += ["", "| method | n | " + " | ".join(map(str, numbers)) + " |", "|---" * (2 + len(numbers)) + "|"]
        for (method, variant, model), row in some.groupby(["method", "variant", "model"]):
            name = method if variant == "default" else f"{method}, {variant}"
            by_number = row.set_index("n_corruptions")
            shown = [_cell(by_number, number) for number in numbers]
            seeds = "/".join(map(str, sorted(row["n"].unique())))
            lines.append(f"| {name} ({model}) | {seeds} | " + " | ".join(shown) + " |")
    return "\n".join(lines[1:])


def _cell(by_number: pd.DataFrame, number: int) -> str:
    if number not in by_number.index:
        return "missing"
    mean, interval = (float(by_number[column].loc[number]) for column in ("accuracy", "interval"))
    return f"{mean:.1f}" if interval != interval else f"{mean:.1f} ± {interval:.1f}"
