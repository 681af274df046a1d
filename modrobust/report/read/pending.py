"""Runs without results: which cells of tables miss them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from modrobust.report.read.find import Without
from modrobust.report.read.lines import ALIKE, label
from modrobust.report.read.settings import Config

COLUMNS = ["dataset", "split", *ALIKE, "seed", "state"]


def pending(without: Iterable[Without], configs: Mapping[Path, Config], settings: Mapping[Path, str]) -> pd.DataFrame:
    """A row for each run without results.

    Args:
        without: the runs.
        configs, settings: of those that have begun; of the others the folder's name tells.

    Returns:
        Columns COLUMNS, text: split is None and settings empty where they are not known.
    """
    found = []
    for one in without:
        config = configs.get(one.run)
        if config is None:
            method, _, model = one.run.parent.name.rpartition("-")
            seed = one.run.name.partition("-")[0].removeprefix("seed")
            told = (one.run.parent.parent.name, None, method, model, "", seed)
        else:
            told = (
                *(str(config["dataset.name"]), config.get("evaluation.split"), str(config.get("method.name", "-"))),
                *(str(config["model.name"]), settings[one.run], str(config.get("seed", "-"))),
            )
        found.append((*told, one.state))
    return pd.DataFrame(found, columns=COLUMNS)


def of_table(waiting: pd.DataFrame, dataset: str, split: str) -> pd.DataFrame:
    """The pending runs that one table lacks."""
    return waiting[(waiting["dataset"] == dataset) & (waiting["split"].isna() | (waiting["split"] == split))]


def lacking(waiting: pd.DataFrame, table: pd.DataFrame) -> dict[str, int]:
    """How many runs each line of a table still waits for.

    Args:
        waiting: pending runs of this table.
        table: its rows, with LINE and `line`.

    Returns:
        For each line that lacks some the number; all variants of a method lack the same. Also of methods of which there
        are no rows yet.
    """
    count = {key: len(some) for key, some in waiting.groupby(ALIKE)}
    lines = table[["line", *ALIKE]].drop_duplicates("line").set_index("line")
    there = {str(line): tuple(key) for line, *key in lines.itertuples(name=None)}
    new = {label(str(key[0]), "default", *map(str, key[1:])): key for key in count if key not in there.values()}
    return {line: count[key] for line, key in {**there, **new}.items() if key in count}


def named(waiting: pd.DataFrame) -> list[str]:
    """Pending runs, a text for those alike: ``digits modules (small_cnn), seeds 1-4: running``."""
    texts = []
    for key, some in waiting.groupby(["dataset", *ALIKE, "state"]):
        assert isinstance(key, tuple)
        dataset, method, model, settings, state = map(str, key)
        line = label(method, "default", model, settings)
        texts.append(f"{dataset} {line}, {seeds_text(list(some['seed']))}: {state}")
    return texts


def seeds_text(seeds: Sequence[int | str]) -> str:
    """Seeds in short: ``seed 3``, ``seeds 0-9, 12``."""
    numbers = sorted({int(seed) for seed in seeds if str(seed).isdigit()})
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], number]
        else:
            ranges.append([number])
    texts = ["-".join(map(str, some)) for some in ranges]
    texts += sorted({str(seed) for seed in seeds if not str(seed).isdigit()})
    return ("seed " if len(texts) == 1 and "-" not in texts[0] else "seeds ") + ", ".join(texts)
