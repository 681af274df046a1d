"""The tables of image runs: those for the terminal, and the others, which are only written."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from modrobust.report.read.facts import Facts
from modrobust.report.read.lines import once, with_lines
from modrobust.report.read.results import read
from modrobust.report.say import say
from modrobust.report.tables.compositions import compositions_table
from modrobust.report.tables.diagnostics import diagnostics_table
from modrobust.report.tables.difficulty import difficulty_table
from modrobust.report.tables.formats import Table
from modrobust.report.tables.main import main_table
from modrobust.report.tables.notes import notes_of_images
from modrobust.report.tables.order import longer_table, pairs_table
from modrobust.report.tables.paired import paired_table

UNKNOWN = "config.yaml=unknown"


def rows_of(runs: Sequence[Path], facts: Facts) -> pd.DataFrame:
    """The rows of results.csv of some runs. Runs that are left out, for their file is damaged, are said.

    Returns:
        The columns of `results.read`; settings (categories of text: in what runs of the same dataset, method and model
        differ); line (see `lines.with_lines`). Without rows where no run is left.
    """
    rows, unread = read(runs)
    for line in unread.values():
        say(f"left out: {line}.")
    settings = _settings(rows, facts).astype("category")
    return with_lines(once(rows.assign(settings=settings), facts.known)).astype({"settings": "category"})


def _settings(rows: pd.DataFrame, facts: Facts) -> pd.Series:
    """Those of each row's run; runs without configuration stand apart from others of their method and model."""
    settings = rows["run"].astype(object).map({str(run): text for run, text in facts.settings.items()}).astype(object)
    unknown = settings.isna()
    if not unknown.any():
        return settings
    kinds = pd.MultiIndex.from_frame(rows[["dataset", "method", "model"]])
    return settings.mask(unknown & kinds.isin(kinds[~unknown]), UNKNOWN).fillna("")


def shown(rows: pd.DataFrame, facts: Facts, draws: int, all_pairs: bool) -> list[Table]:
    """The tables for the terminal.

    Args:
        draws: of the bootstrap, 0 for none.
        all_pairs: the numbers of `paired` are to be written, too (see `paired_table`).
    """
    notes = notes_of_images(rows, facts)
    main = main_table(rows, facts.waiting, notes, draws)
    paired = paired_table(rows, facts.waiting, notes, draws, all_pairs)
    return [main, paired] if paired.sections else [main]


def others(rows: pd.DataFrame, facts: Facts) -> Iterator[Table]:
    """The tables that are only written; those that have nothing to tell are left out."""
    notes = notes_of_images(rows, facts)
    for make in (compositions_table, pairs_table, longer_table, difficulty_table, diagnostics_table):
        table = make(rows, facts.waiting, notes)
        if table.sections:
            yield table
