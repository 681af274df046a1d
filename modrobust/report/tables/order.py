"""The effect of order: the same corruptions, one after the other in different orders."""

import pandas as pd

from modrobust.corruption.composition import parse
from modrobust.report.read.lines import TABLE
from modrobust.report.read.pending import of_table
from modrobust.report.stats.intervals import over_seeds
from modrobust.report.tables.by_length import Notes, tables, with_names
from modrobust.report.tables.formats import Table
from modrobust.report.tables.grid import grid

_GROUP = [*TABLE, "line", "n_corruptions", "corruptions"]


def pairs_table(rows: pd.DataFrame, waiting: pd.DataFrame, notes: Notes) -> Table:
    """Of every pair of corruptions: accuracy of A-B less that of B-A (percentage points), on the same seeds.

    A-B is the order tested first. Args: see `main.main_table`.
    """
    pairs = with_combination(rows[rows["n_corruptions"] == 2])
    is_first = pairs["composition"] == pairs["corruptions"]
    by_seed = pairs[is_first].merge(pairs[~is_first], "inner", [*_GROUP, "seed"], suffixes=("", "_reversed"))
    by_seed = by_seed.assign(difference=by_seed["accuracy"] - by_seed["accuracy_reversed"])
    cells = over_seeds(by_seed, _GROUP, "difference")
    means = by_seed.groupby(_GROUP, observed=True)[["accuracy", "accuracy_reversed"]].mean().reset_index()
    cells = cells.merge(means, "left", _GROUP)
    what = "accuracy in this order less that in the other (percentage points); mean and 95 % interval over n seeds"
    title = f"Effect of the order of two corruptions on {{}}: {what}"
    return _table("order_pairs", title, cells, "difference", rows, waiting, notes)


def longer_table(rows: pd.DataFrame, waiting: pd.DataFrame, notes: Notes) -> Table:
    """Of every combination of three or more corruptions tested in several orders: the range of accuracy over orders.

    The range is that of one seed, so it holds the noise of one seed; orders count which all seeds of a line have.
    Args: see `main.main_table`.
    """
    some = with_combination(rows[rows["n_corruptions"] > 2])
    seeds = some.groupby(_GROUP, observed=True)["seed"].transform("nunique")
    some = some[some.groupby([*_GROUP, "composition"], observed=True)["seed"].transform("size") == seeds]
    by_seed = some.groupby([*_GROUP, "seed"], observed=True)["accuracy"].agg(["min", "max", "size"]).reset_index()
    by_seed = by_seed[by_seed["size"] > 1]
    by_seed = by_seed.assign(range=by_seed["max"] - by_seed["min"])
    cells = over_seeds(by_seed, _GROUP, "range")
    means = some.groupby([*_GROUP, "composition"], observed=True)["accuracy"].mean().reset_index()
    groups = means.groupby(_GROUP, observed=True)["accuracy"]
    ends = {"lowest": means.loc[groups.idxmin()], "highest": means.loc[groups.idxmax()]}
    for name, end in ends.items():
        end = end.rename(columns={"composition": name, "accuracy": f"{name}_accuracy"})
        cells = cells.merge(end, "left", _GROUP)
    orders = groups.size().rename("orders").reset_index()
    cells = cells.merge(orders, "left", _GROUP)
    what = "highest less lowest accuracy of a seed (percentage points); mean and 95 % interval over n seeds"
    return _table("order_longer", f"Range over orders on {{}}: {what}", cells, "range", rows, waiting, notes)


def with_combination(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with `corruptions`: the composition of the same corruptions that comes first in the rows."""
    first: dict[tuple[str, ...], str] = {}
    names = {name: tuple(sorted(parse(name))) for name in rows["composition"].unique()}
    for name, corruptions in names.items():
        first.setdefault(corruptions, name)
    found = rows["composition"].astype(object).map({name: first[key] for name, key in names.items()})
    return rows.assign(corruptions=found.astype(rows["composition"].dtype))


def _table(
    name: str, title: str, cells: pd.DataFrame, value: str, rows: pd.DataFrame, waiting: pd.DataFrame, notes: Notes
) -> Table:
    tested = {name: i for i, name in enumerate(rows["composition"].unique())}
    cells = cells.sort_values(
        [*TABLE, "n_corruptions", "corruptions", "line"],
        key=lambda column: column.map(tested).astype(int) if column.name == "corruptions" else column,
    )
    sections = [
        grid(
            title.format(" ".join(key)),
            *(some, "corruptions", value, table, of_table(waiting, *key), notes.get(key, ())),
        )
        for key, table in tables(rows)
        if not (some := cells[(cells["dataset"] == key[0]) & (cells["split"] == key[1])]).empty
    ]
    return Table(name, sections, with_names(cells, rows))
