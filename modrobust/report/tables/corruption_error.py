"""Errors by severity and corruption, and the published measures made of them."""

from collections.abc import Hashable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from modrobust.errors import UserError
from modrobust.evaluation.corruption_error import COMPUTED, of_single
from modrobust.report.read.lines import TABLE, with_lines
from modrobust.report.read.results import read
from modrobust.report.read.severities import with_severities
from modrobust.report.stats.corruption_error import OF_SEED, against_reference
from modrobust.report.stats.intervals import cell, over_seeds
from modrobust.report.tables.by_length import MISSING, lines_of
from modrobust.report.tables.formats import Section, Table

PLAIN = "mean (plain mCE)"
MEASURES = ("mCE", "relative mCE")
WORDS = "mean and 95 % interval over n seeds"


def corruption_error_table(
    severities: pd.DataFrame, rows: pd.DataFrame, reference: tuple[Path, pd.DataFrame, pd.DataFrame] | None = None
) -> Table:
    """Errors (percent) of every line: by severity, by corruption, against a reference.

    Args:
        severities: see `read.severities`.
        rows: of results without severities.
        reference: its folder, its rows with severities and those without; None for none.
    """
    severities = _told(severities.assign(error=100 - severities["accuracy"]))
    sections, numbers = [], []
    for key, some in severities.groupby(TABLE, observed=True, sort=False):
        dataset, split = map(str, key)
        for section, cells in (_by_severity(f"{dataset} {split}", some), _by_corruption(f"{dataset} {split}", some)):
            sections.append(section)
            numbers.append(cells.assign(dataset=dataset, split=split))
    if reference:
        for section, cells in _against(severities, rows, *reference):
            sections.append(section)
            numbers.append(cells)
    table = pd.concat(numbers, ignore_index=True)
    first = [*TABLE, "line", "measure", "n_corruptions", "composition", "severity", "error", "interval", "n"]
    return Table("corruption_error", sections, table.reindex(columns=first))


def of_reference(run: Path) -> tuple[Path, pd.DataFrame, pd.DataFrame]:
    """What `corruption_error_table` asks of a reference. Raises UserError where the run has no severities."""
    rows, unread = read([run])
    for line in unread.values():
        raise UserError(f"--reference: {line}.")
    rows = with_lines(rows.assign(settings=""))
    severities = with_severities(rows)
    if severities.empty:
        raise UserError(f"--reference: {run} was not tested with evaluation.severities.")
    return run, severities, rows


def _by_severity(title: str, rows: pd.DataFrame) -> tuple[Section, pd.DataFrame]:
    """A line for each method and number of corruptions, a column for each severity."""
    by = ["line", "n_corruptions"]
    means = rows.groupby([*by, "seed", "severity"], observed=True)["error"].mean().reset_index()
    cells = over_seeds(means, [*by, "severity"], "error")
    mean = over_seeds(means.groupby([*by, "seed"], observed=True)["error"].mean().reset_index(), by, "error")
    text = {
        (row["line"], row["n_corruptions"], row.get("severity")): cell(row, "error")
        for table in (cells, mean)
        for row in table.to_dict("records")
    }
    shown: list[Hashable] = [*sorted(rows["severity"].unique()), None]
    counts = rows.groupby(by, observed=True)["composition"].nunique()
    body = [
        [f"{row['line']}", str(row["n_corruptions"]), str(counts[row["line"], row["n_corruptions"]]), str(row["n"])]
        + [text.get((row["line"], row["n_corruptions"], one), MISSING) for one in shown]
        for row in mean.to_dict("records")
    ]
    header = ["method", "corruptions", "compositions", "n", *("mean" if one is None else str(one) for one in shown)]
    heading = f"Error (%) on {title} by number of corruptions and severity, mean over compositions; {WORDS}"
    both = pd.concat([cells, mean], ignore_index=True).assign(measure="by severity")
    return Section(heading, header, body), both


def _by_corruption(title: str, rows: pd.DataFrame) -> tuple[Section, pd.DataFrame]:
    """A line for each corruption, a column for each method; their mean last."""
    single = of_single(rows, OF_SEED)
    every = rows[rows["n_corruptions"] == 1]
    by_seed = every.groupby([*OF_SEED, "composition"], observed=True, sort=False)["error"].mean().reset_index()
    mean = single.groupby(OF_SEED, observed=True)["error"].mean().reset_index().assign(composition=PLAIN)
    cells = over_seeds(pd.concat([by_seed, mean]), ["line", "composition"], "error")
    text = {(row["composition"], row["line"]): cell(row, "error") for row in cells.to_dict("records")}
    lines = lines_of(rows)
    names = [*every["composition"].unique(), *([PLAIN] if len(mean) else [])]
    body = [[name, *(text.get((name, line), MISSING) for line in lines)] for name in names]
    listed = ", ".join(map(str, sorted(rows["severity"].unique())))
    note = (
        f"The plain mCE is the mean over {_counted(single)} corruptions; "
        "SpeckleNoise, CommonGaussianBlur, Spatter and Saturate are extra ones and do not count."
    )
    heading = f"Error (%) on {title} by corruption, mean over the severities {listed}; {WORDS}"
    return Section(heading, ["corruption", *lines], body, [note]), cells.assign(measure="by corruption")


def _counted(single: pd.DataFrame) -> str:
    """Over how many corruptions means are, such as 15, or 2 to 15."""
    counts = single.groupby("line", observed=True)["composition"].nunique()
    return str(counts.max()) if len(counts) < 2 or counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


def _against(
    severities: pd.DataFrame, rows: pd.DataFrame, run: Path, reference: pd.DataFrame, clean: pd.DataFrame
) -> Iterator[tuple[Section, pd.DataFrame]]:
    """The published measures against a reference network."""
    identity = clean[clean["composition"] == "Identity"]["accuracy"]
    clean_error = 100 - float(identity.mean()) if len(identity) else None
    measures = _told(against_reference(severities.assign(line=severities["of"]), rows, reference, clean_error))
    cells = [
        over_seeds(measures, [*TABLE, "line"], name).rename(columns={name: "error"}).assign(measure=name)
        for name in MEASURES
    ]
    text: dict[tuple[Hashable, ...], str] = {
        (row["dataset"], row["split"], row["line"], row["measure"]): cell(row, "error")
        for table in cells
        for row in table.to_dict("records")
        if not np.isnan(row["error"])
    }
    for key, some in measures.groupby(TABLE, observed=True, sort=False):
        dataset, split = map(str, key)
        count = some.groupby("line", observed=True)["corruptions"].max()
        body = [
            [line, *(text.get((dataset, split, line, name), MISSING) for name in MEASURES), str(count[line])]
            for line in lines_of(some)
        ]
        title = f"Corruption error (%) on {dataset} {split} against {run}; {WORDS}"
        note = (
            "mCE: the mean over corruptions of the error over the reference's. Relative mCE: the same of what "
            "corruptions add to the errors without one. Not the plain mCE, which is a mean of errors."
        )
        here = [table[(table[TABLE] == [dataset, split]).all(axis=1)] for table in cells]
        yield Section(title, ["method", *MEASURES, "corruptions"], body, [note]), pd.concat(here)


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose line tells published images: `modules (small_cnn) on CIFAR-10-C`; `of` is the line as it was."""
    kinds = rows[["line", "images"]].drop_duplicates().itertuples(index=False, name=None)
    place = {line: i for i, line in enumerate(lines_of(rows))}
    ordered = sorted(kinds, key=lambda kind: (place[kind[0]], kind[1] != COMPUTED, kind[1]))
    names = {kind: kind[0] if kind[1] == COMPUTED else f"{kind[0]} on {kind[1]}" for kind in ordered}
    lines = [names[key] for key in rows[["line", "images"]].itertuples(index=False, name=None)]
    return rows.assign(of=rows["line"], line=pd.Categorical(lines, list(names.values()), ordered=True))
