"""What hyper-parameter searches chose: a table of trials for each, and recipes that the next runs use."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from modrobust.config.need import text_of
from modrobust.errors import UserError
from modrobust.search.recipe import write_recipe
from modrobust.search.record import COLUMNS, FILE, Record, newest_first
from modrobust.search.steps import overrides_of
from modrobust.store.folders import walk
from modrobust.sweep.status import statuses_at_once
from modrobust.terminal.folded import print_table

SHOWN = 8


def write_best(
    folders: Iterable[Path], recipes: Path, draw: Callable[[Record], Iterable[Path]] = lambda record: ()
) -> None:
    """Show searches in or below some folders, and write what they chose as <recipes>/<dataset>_<method>.yaml.

    Of several searches of a dataset and method the newest is meant; the others are named.

    Args:
        folders: where searches are looked for.
        recipes: where to write.
        draw: writes pictures of a search; their paths are shown.

    Raises:
        UserError: a folder holds no search, or a search is not finished, or had no trial that ended well; recipes of
            other searches are written before.
    """
    searches: dict[tuple[str, str], dict[Path, Record]] = {}
    for folder in folders:
        found = sorted(place for place, _, files in walk(folder) if FILE in files)
        if not found:
            raise UserError(f"{folder} holds no search: modrobust -m search=grid makes one.")
        for record in map(Record.at, found):
            key = record.content["dataset"], record.content["method"]
            searches.setdefault(key, {})[record.folder] = record
    errors = []
    for (dataset, method), records in searches.items():
        newest, *others = newest_first(records.values())
        for other in others:
            print(f"not the newest search of {method} on {dataset}, name its folder to use it: {_short(other.folder)}")
        show(newest, advise=False)
        if pictures := [path.name for path in draw(newest)]:
            print(f"pictures beside it: {', '.join(pictures)}")
        try:
            path = write_recipe(newest, recipes)
        except UserError as error:
            errors.append(str(error))
            continue
        print(f"written: {path}; modrobust dataset={dataset} method={method} uses it")
    if errors:
        raise UserError(" ".join(errors))


def show(record: Record, advise: bool = True) -> None:
    """Print the best trials of each step, what failed, and where all of them are listed."""
    content = record.content
    trials = {step: record.tried(step) for step in content["steps"]}
    going_on = [trial.run for some in trials.values() for trial in some if not trial.settled]
    states = {run: status.state for run, status in statuses_at_once(going_on, record.runs)[0].items()}
    rows = record.table(states)
    for step in content["steps"]:
        title = f"{content['dataset']} {content['method']}, step {step}"
        if not trials[step]:
            print(f"{title}: no trial yet")
            continue
        _print(rows[rows["step"] == step], title)
        if len(ties := record.ties(step)) > 1:
            print(f"{len(ties)} trials are equally good; the first one that was tried is chosen")
        for trial in trials[step]:
            if trial.error and trial.state != "pruned":
                print(f"{trial.state}: {' '.join(overrides_of(trial.values))}: {trial.error}")
    path = record.write_table(states)
    print(f"all trials: {_short(path)}")
    if advise:
        print(f"to use what was chosen: modrobust-report --best {_short(path.parent)}")


def _print(some: pd.DataFrame, title: str) -> None:
    """The best trials of a step."""
    keys = [str(key) for key in some.columns if key not in COLUMNS and some[key].notna().any()]
    score = "validation loss" if some["score"].iloc[0] == "valid_loss" else "validation accuracy"
    more = {"seeds": "of each seed"} if "seeds" in some else {}
    lines = []
    for _, row in some.head(SHOWN).iterrows():
        value = "-" if pd.isna(row["value"]) else f"{row['value']:.4g}"
        state = "chosen" if row["chosen"] else str(row["state"])
        cells = [*(_cell(row[key]) for key in keys), value, *(row[name] for name in more)]
        lines.append([*cells, state])
    heads = (*keys, score, *more.values(), "state")
    print_table(f"{title}: the best of {len(some)} trials", heads, lines, left=(len(heads) - 1,))


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "null" if pd.isna(value) else f"{value:g}"  # in a column of numbers
    return text_of(value)


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
