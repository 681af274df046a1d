"""Mean corruption error (Hendrycks & Dietterich 2019), of accuracies by corruption and severity. Imports no torch."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from modrobust.corruption.common import EXTRA

COMPUTED = "computed"


def severity_folders(run: Path) -> list[tuple[str, int, Path]]:
    """Where the results of severities of a run are: what was tested (computed, or CIFAR-10-C), severity, folder."""
    found = []
    for file in (*run.glob("severity?/results.csv"), *run.glob("*/severity?/results.csv")):
        folder = file.parent
        images = COMPUTED if folder.parent == run else folder.parent.name
        if (match := re.fullmatch(r"severity([1-9])", folder.name)) and not images.startswith("shard-"):
            found.append((images, int(match[1]), folder))
    return sorted(found, key=lambda one: (one[0] != COMPUTED, one[0], one[1]))


def of_single(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The error of every corruption that counts: the mean over severities of 100 - accuracy.

    Args:
        rows: of results, with composition, n_corruptions, severity and accuracy (percent).
        by: columns that tell networks and images apart.

    Returns:
        A row for each corruption that is tested alone and is none of the four extra ones: columns by, composition,
        error (percent).
    """
    single = rows[(rows["n_corruptions"] == 1) & ~rows["composition"].isin(EXTRA)]
    means = single.groupby([*by, "composition"], observed=True, sort=False)["accuracy"].mean()
    return (100 - means).rename("error").reset_index()
