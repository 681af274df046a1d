"""What hyper-parameter searches chose: a table of trials for each, and recipes that the next runs use."""

from collections.abc import Iterable
from pathlib import Path

from modrobust.errors import UserError
from modrobust.folded import print_table
from modrobust.search.recipe import write_recipe
from modrobust.search.record import FILE, Record
from modrobust.store.folders import walk

SHOWN = 8


def write_best(folders: Iterable[Path], recipes: Path) -> None:
    """Show every search in or below some folders, and write what it chose as <recipes>/<dataset>_<method>.yaml.

    Raises:
        UserError: a folder holds no search, two searches are of the same dataset and method, or one is not finished.
    """
    records: dict[tuple[str, str], Record] = {}
    for folder in folders:
        found = sorted(place for place, _, files in walk(folder) if FILE in files)
        if not found:
            raise UserError(f"{folder} holds no search: modrobust -m search=grid makes one.")
        for place in found:
            record = Record.at(place)
            key = record.content["dataset"], record.content["method"]
            if key in records and records[key].folder != record.folder:
                raise UserError(
                    f"{records[key].folder} and {place} both search {key[1]} on {key[0]}: name the folder of one."
                )
            records[key] = record
    for record in records.values():
        show(record, advise=False)
        path = write_recipe(record, recipes)
        print(
            f"written: {path}; modrobust dataset={record.content['dataset']} method={record.content['method']} uses it"
        )


def show(record: Record, advise: bool = True) -> None:
    """Print the best trials of each step and where all of them are listed."""
    rows, content = record.table(), record.content
    for step, some in rows.groupby("step", sort=False):
        keys = [str(key) for key in some.columns if key not in ("step", "score", "value", "state", "chosen", "run")]
        keys = [key for key in keys if some[key].notna().any()]
        score = "validation loss" if some["score"].iloc[0] == "valid_loss" else "validation accuracy"
        title = f"{content['dataset']} {content['method']}, step {step}: the best of {len(some)} trials"
        lines = []
        for _, row in some.head(SHOWN).iterrows():
            value = "-" if row["value"] != row["value"] else f"{row['value']:.4g}"
            state = "chosen" if row["chosen"] else str(row["state"])
            cells = [f"{row[key]:g}" if isinstance(row[key], float) else str(row[key]) for key in keys]
            lines.append([*cells, value, state])
        print_table(title, (*keys, score, "state"), lines, left=(len(keys) + 1,))
    path = record.write_table()
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    print(f"all trials: {path}")
    if advise:
        print(f"to use what was chosen: modrobust-report --best {path.parent}")
