"""The results of severities: what runs found beside results.csv, by their own corruptions and on published images."""

from pathlib import Path

import pandas as pd

from modrobust.evaluation.corruption_error import severity_folders
from modrobust.report.read.lines import TABLE
from modrobust.report.read.results import read
from modrobust.report.say import say

OF_RUN = ["run", "variant"]


def with_severities(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of all severities of some runs; what cannot be read is said.

    Args:
        rows: of results, with `line`: of each run of equal settings and seed those of one.

    Returns:
        The columns of `rows`; images (computed, or the name of published ones) and severity. Perhaps without rows.
    """
    owners = {place: (run, *what) for run in rows["run"].unique() for *what, place in severity_folders(Path(run))}
    table, unread = read(list(owners))
    for line in unread.values():
        say(f"left out: {line}.")
    told = pd.DataFrame([owners[Path(place)] for place in table["run"]], columns=["run", "images", "severity"])
    table = table.drop(columns="run").join(told)
    lines = rows[[*OF_RUN, "settings", "line"]].drop_duplicates(OF_RUN)
    table = table.merge(lines, on=OF_RUN)
    return table.drop_duplicates([*TABLE, "line", "seed", "composition", "images", "severity"])
