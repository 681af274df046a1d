"""What one figure over results shows: a dataset and split, and as many lines (methods) as stay readable."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from modrobust.report.tables.by_length import tables

LINES = 8  # in a figure
FIGURES = 8  # of one kind and dataset


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
        """How many seeds its lines have: ``mean over 3 seeds``, ``mean over 2 to 3 seeds``, ``1 seed``."""
        n = self.rows.groupby("line", observed=True)["seed"].nunique()
        text = f"{n.min()}" if n.min() == n.max() else f"{n.min()} to {n.max()}"
        return "1 seed" if n.max() == 1 else f"mean over {text} seeds"


def sheets(rows: pd.DataFrame) -> Iterator[Sheet]:
    """The figures to draw of each dataset and split (see `pages`).

    Args:
        rows: of results, with a categorical column `line` (see `lines.with_lines`).
    """
    for (dataset, split), table in tables(rows):
        labels = short_labels(table)
        compositions = table["composition"].drop_duplicates().tolist()
        for suffix, number, some in pages(list(labels), LINES, f"box plots and heat maps of {dataset} {split}"):
            here = table[table["line"].isin(some)]
            names = {line: labels[line] for line in some}
            yield Sheet(f"{dataset}_{split}{suffix}", f"{dataset}, {split}{number}", here, names, compositions)


def pages(names: Sequence[str], size: int, what: str) -> list[tuple[str, str, list[str]]]:
    """Names spread evenly over figures of at most so many.

    Args:
        names: of methods with their settings.
        size: how many a figure has room for.
        what: the figures, for a message where they would be more than FIGURES.

    Returns:
        For each figure what its file's name and its title end with (nothing where it is the only one), and its names.
        Empty where there would be more than FIGURES: nobody looks at them, and they take minutes.
    """
    n = -(-len(names) // size)
    if n > FIGURES:
        most = f"{len(names)} methods and settings, more than {size * FIGURES}: name folders of fewer"
        print(f"modrobust-report: no {what}: {most}.", file=sys.stderr)
        return []
    places = [len(names) * i // n for i in range(n + 1)] if n else []
    ends = [(f"_{i + 1}", f" ({i + 1} of {n})") if n > 1 else ("", "") for i in range(n)]
    return [(*end, list(names[start:stop])) for end, (start, stop) in zip(ends, pairwise(places), strict=True)]


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
