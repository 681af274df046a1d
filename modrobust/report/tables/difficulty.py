"""How hard pairs of corruptions are: a matrix of accuracies for every line."""

import pandas as pd

from modrobust.corruption.composition import parse
from modrobust.report.read.lines import TABLE
from modrobust.report.stats.intervals import cell, over_seeds
from modrobust.report.tables.by_length import MISSING, Notes, lines_of, tables, with_names
from modrobust.report.tables.formats import Section, Table
from modrobust.report.tables.grid import WIDE, left_out


def difficulty_table(rows: pd.DataFrame, _: pd.DataFrame, notes: Notes) -> Table:
    """Accuracy (percent) of every ordered pair: the first corruption down, the second across; alone on the diagonal.

    Args: see `main.main_table`.
    """
    names = {name: parts for name in rows["composition"].unique() if len(set(parts := parse(name))) == len(parts)}
    some = rows[rows["composition"].isin([name for name, parts in names.items() if 0 < len(parts) < 3])]
    composition = some["composition"].astype(object)
    some = some.assign(
        first=composition.map({name: parts[0] for name, parts in names.items() if parts}),
        second=composition.map({name: parts[1] if len(parts) > 1 else "" for name, parts in names.items()}),
    )
    cells = over_seeds(some, [*TABLE, "line", "first", "second"])
    order = list(dict.fromkeys(corruption for parts in sorted(names.values(), key=len) for corruption in parts))
    sections = []
    for key, table in tables(rows):
        if len(lines := lines_of(table)) > WIDE:
            title = f"Accuracy (%) on {' '.join(key)} under two corruptions"
            sections.append(left_out(title, len(lines), notes.get(key, ())))
            continue
        here = cells[(cells["dataset"] == key[0]) & (cells["split"] == key[1])]
        texts = {
            (row["line"], row["first"], row["second"] or row["first"]): cell(row) for row in here.to_dict("records")
        }
        shown = [name for name in order if name in set(here["first"]) | set(here["second"])]
        seeds = table.groupby("line", observed=True)["seed"].nunique().to_dict()
        for line in lines if shown else []:
            title = (
                f"Accuracy (%) of {line} on {' '.join(key)} under two corruptions, the first down, the second across; "
                f"on the diagonal one alone; mean and 95 % interval over n = {seeds[line]} seeds"
            )
            body = [[first, *(texts.get((line, first, second), MISSING) for second in shown)] for first in shown]
            sections.append(Section(title, ["first", *shown], body, notes.get(key, ())))
    return Table("difficulty", sections, with_names(cells, rows))
