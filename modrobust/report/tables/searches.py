"""What hyper-parameter searches beside the reported runs tried, step by step, and what they chose."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import pandas as pd

from modrobust.errors import UserError
from modrobust.report.say import say
from modrobust.report.tables.formats import Section, Table
from modrobust.search.record import FILE, Record, newest_first
from modrobust.search.steps import overrides_of

HEADER = ("method, model", "step", "trials", "pruned", "failed", "chosen by", "best", "chosen")
BY = {"accuracy": "validation accuracy (%)", "valid_loss": "validation loss"}


def newest_searches(runs: Iterable[Path]) -> list[Record]:
    """The newest search beside some runs of each dataset, method and model; damaged ones are named."""
    found: list[Record] = []
    for place in sorted({run.absolute().parent for run in runs}):
        records: list[Record] = []
        for file in place.glob(f"search-*/{FILE}"):
            record = Record.at(file.parent)
            try:
                records += [record] if record.begun else []
            except UserError as error:
                say(f"left out: {error}")
        found += newest_first(records)[:1]
    return found


def searches_table(searches: Sequence[Record]) -> Table:
    """A section for each dataset, a line for each step of a search; the numbers are all trials of all searches."""
    numbers, sections = [], []
    for dataset, records in groupby(searches, lambda record: record.content["dataset"]):
        lines = []
        for record in records:
            content = record.content
            about = {key: content[key] for key in ("dataset", "method", "model")}
            numbers.append(record.table().assign(**about, search=record.folder.name))
            lines += [[f"{content['method']}, {content['model']}", *line] for line in _lines(record)]
        sections.append(Section(f"Searches on {dataset}: configurations tried on validation images", HEADER, lines))
    return Table("searches", sections, pd.concat(numbers) if numbers else pd.DataFrame())


def _lines(record: Record) -> Iterable[list[str]]:
    for step, spec in record.content["steps"].items():
        tried, best = record.tried(step), record.best(step)
        count = Counter("failed" if trial.state == "diverged" else trial.state for trial in tried)
        score, chosen = (f"{best.score:.4g}", " ".join(overrides_of(best.values))) if best else ("-", "-")
        yield [step, *map(str, (len(tried), count["pruned"], count["failed"])), BY[spec["score"]], score, chosen]
