"""What one figure over results shows: a dataset and split, and as many lines (methods) as stay readable."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

LINES = 8  # in a figure
FIGURES = 8  # of one kind, dataset and split


@dataclass(frozen=True)
class Sheet:
    """Rows of results for one figure.

    Attributes:
        name: for file names, such as ``digits_test``, or ``digits_test_2`` where the lines need several figures.
        title: for people, such as ``digits, test``.
        rows: those of its lines.
        labels: what each line is called here, in order: only what tells it from the others.
        compositions: all that the dataset and split have, in the order tested; some may be in no row.
    """

    name: str
    title: str
    rows: pd.DataFrame
    labels: dict[str, str]
    compositions: list[str]

    @property
    def seeds(self) -> str:
        """How many seeds its lines have: ``3 seeds``, or ``2 to 3 seeds``."""
        n = self.rows.groupby("line", observed=True)["seed"].nunique()
        text = f"{n.min()}" if n.min() == n.max() else f"{n.min()} to {n.max()}"
        return f"{text} seed" if n.max() == 1 else f"{text} seeds"


def sheets(rows: pd.DataFrame) -> Iterator[Sheet]:
    """The figures to draw. Lines too many for one are spread evenly over several; those too many for FIGURES, left out.

    Args:
        rows: of results, with a categorical column `line` (see `lines.with_lines`).
    """
    for (dataset, split), table in rows.groupby(["dataset", "split"], observed=True):
        labels = short_labels(table)
        figures = -(-len(labels) // LINES)
        if figures > FIGURES:
            many = f"{len(labels)} methods and settings on {dataset} {split}"
            most = f"of more than {LINES * FIGURES}; name folders of fewer"
            print(f"modrobust-report: {many}: no box plots and heat maps {most}.", file=sys.stderr)
            continue
        compositions = table["composition"].drop_duplicates().tolist()
        lines = list(labels)
        for i in range(figures):
            some = lines[len(lines) * i // figures : len(lines) * (i + 1) // figures]
            page = (f"_{i + 1}", f" ({i + 1} of {figures})") if figures > 1 else ("", "")
            here = table[table["line"].isin(some)]
            names = {line: labels[line] for line in some}
            yield Sheet(f"{dataset}_{split}{page[0]}", f"{dataset}, {split}{page[1]}", here, names, compositions)


def short_labels(table: pd.DataFrame, variants: bool = True) -> dict[str, str]:
    """What the lines of some rows are called where space is dear: method, variant; the model only where models differ.

    Args:
        table: rows with line, method, variant, model, settings.
        variants: name them.
    """
    models = table["model"].nunique() > 1
    found = {}
    for row in table.drop_duplicates("line").sort_values("line").to_dict("records"):
        variant = row["variant"] if variants and row["variant"] != "default" else ""
        parts = (row["method"], variant, row["model"] if models else "", row["settings"])
        found[str(row["line"])] = "\n".join(part for part in parts if part)
    return found
