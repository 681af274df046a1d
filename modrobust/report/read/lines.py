"""The lines of tables: runs that differ in nothing but the seed."""

import pandas as pd

from modrobust.errors import UserError

TABLE = ["dataset", "split"]
"""Columns of which every value has a table of its own."""
LINE = ["method", "variant", "model", "settings"]
METHODS = ("cross_entropy", "contrastive", "auto_contrastive", "modules", "auto_modules", "img_space")
"""These come first, in this order."""


def label(method: str, variant: str, model: str, settings: str) -> str:
    """What a line is called, such as ``img_space, joint_classifier (small_cnn) method.lr=0.1``."""
    name = method if variant == "default" else f"{method}, {variant}"
    return f"{name} ({model}) {settings}".rstrip()


def with_lines(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a column `line`: the label, a categorical in the order of tables.

    Args:
        rows: with the columns LINE.
    """
    keys = list(rows[LINE].drop_duplicates().itertuples(index=False, name=None))
    keys.sort(key=lambda key: _rank(*key))
    codes = pd.MultiIndex.from_tuples(keys).get_indexer(pd.MultiIndex.from_frame(rows[LINE]))
    labels = pd.Index([label(*key) for key in keys])
    return rows.assign(line=pd.Categorical.from_codes(codes, labels, ordered=True))


def once(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with those left out that another run of equal settings and seed has, too.

    Raises:
        UserError: such runs found different accuracies.
    """
    same = [*TABLE, *LINE, "seed", "composition"]
    twice = rows[rows.duplicated(same, keep=False)]
    if twice.empty:
        return rows
    for _, some in twice.groupby(same, sort=False):
        if some["accuracy"].nunique() > 1:
            first, other = some.drop_duplicates("accuracy")["run"].iloc[:2]
            raise UserError(
                f"{first} and {other} have equal settings and equal seeds but different accuracies "
                f"({some['composition'].iloc[0]}): leave one of them out."
            )
    return rows.drop_duplicates(same)


def _rank(method: str, variant: str, model: str, settings: str) -> tuple[object, ...]:
    place = METHODS.index(method) if method in METHODS else len(METHODS)
    return place, method, variant, model, [_by_size(*pair.partition("=")[::2]) for pair in settings.split(" ")]


def _by_size(key: str, value: str) -> tuple[str, float, str]:
    """Numbers by size, before text."""
    try:
        return key, float(value), ""
    except ValueError:
        return key, float("inf"), value
