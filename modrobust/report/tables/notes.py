"""What stands under tables: what was tested, how weights and settings were chosen, which code ran, what is missing."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from modrobust.config.options import CONF
from modrobust.report.read.facts import Facts
from modrobust.report.read.groups import Group
from modrobust.report.read.pending import named, of_table, seeds_text
from modrobust.report.read.settings import Config, flat, written
from modrobust.report.tables.by_length import Notes, tables

OURS = "modrobust.method."
"""Methods of this package, of which it is known which weights they keep."""
NAMED = 10  # runs in a note
MADE_WITH = {"torch": "torch", "cuda": "CUDA", "device_name": "on"}
"""Keys of status.json, and what notes call them."""
USED = {"valid": " These images chose the weights, too.", "train": " The weights were trained on these images."}


def notes_of_images(rows: pd.DataFrame, facts: Facts) -> Notes:
    """Paragraphs for each (dataset, split) of some rows of results."""
    found = {}
    for key, table in tables(rows):
        runs = [Path(run) for run in table["run"].unique()]
        configs = [facts.configs[run] for run in runs if run in facts.configs]
        statuses = [facts.statuses[run] for run in runs]
        weights = f"Weights: lowest validation loss{_not_ours(configs)}{_imported(statuses)}."
        found[key] = [
            _tested(key[1], table) + _seen(configs),
            f"{weights} {_settings(configs, len(runs))}",
            _code(statuses),
            *_missing(of_table(facts.waiting, *key)),
            *_left_out(set(facts.statuses) - {Path(run) for run in rows["run"].unique()}, key, facts),
        ]
    return found


def notes_of_bits(some: Sequence[Group], facts: Facts) -> dict[str, list[str]]:
    """Paragraphs for each dataset of some runs of structured data."""
    found = {}
    for dataset in dict.fromkeys(str(group.settings["dataset.name"]) for group in some):
        runs = [run for group in some if group.settings["dataset.name"] == dataset for run in group.seeds]
        configs = [facts.configs[run] for run in runs if run in facts.configs]
        found[dataset] = [
            f"Weights: those after the last epoch{_not_ours(configs)}. {_settings(configs, len(runs))}",
            _code([facts.statuses[run] for run in runs]),
            *_missing(facts.waiting[facts.waiting["dataset"] == dataset]),
            *_left_out(set(facts.statuses) - {run for group in some for run in group.seeds}, (dataset,), facts),
        ]
    return found


def _left_out(runs: Iterable[Path], table: Sequence[str], facts: Facts) -> list[str]:
    """Runs with results that are in no line: they could not be read, or other runs have all of it."""
    keys = ("dataset.name", "evaluation.split")[: len(table)]
    some = [run for run in runs if tuple(facts.configs.get(run, {}).get(key) for key in keys) == tuple(table)]
    names = sorted(map(str, some))
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return [f"Not counted, damaged or the same as others: {', '.join(names[:NAMED])}{more}."] if some else []


def _missing(waiting: pd.DataFrame) -> list[str]:
    return [f"Without results: {'; '.join(named(waiting))}."] if len(waiting) else []


def _tested(split: str, table: pd.DataFrame) -> str:
    images = " or ".join(f"{n:,}" for n in sorted(table["n_images"].unique()))
    compositions = table["composition"].nunique()
    return (
        f"Tested on {images} images of the split {split}, {compositions} compositions; "
        f"{seeds_text([int(seed) for seed in table['seed'].unique()])}.{USED.get(split, '')}"
    )


def _seen(configs: Iterable[Config]) -> str:
    """Methods that are trained on compositions, of which the tests of these are no tests of new ones."""
    some = {(str(c["method.name"]), str(c["method.lengths"])) for c in configs if c.get("method.lengths")}
    inferred = [c for c in configs if c.get("method.routing") == "inferred"]
    some |= {(f"The router of {c['method.name']}", str(c["method.router.lengths"])) for c in inferred}
    return "".join(f" {name} was trained on all orders of {lengths} corruptions." for name, lengths in sorted(some))


def _not_ours(configs: Iterable[Config]) -> str:
    """Methods of others may choose weights in another way."""
    targets = {str(config.get("method._target_", OURS)) for config in configs}
    own = sorted(target for target in targets if not target.startswith(OURS))
    return f" (but as {', '.join(own)} chooses)" if own else ""


def _imported(statuses: Iterable[Mapping[str, Any]]) -> str:
    """Of imported parts only their files are known."""
    some = [status["imported"] for status in statuses if status.get("imported")]
    names = ", ".join(sorted({name for parts in some for name in parts}))
    return f"; but in {_runs(len(some))} {names} imported from checkpoint files" if some else ""


def _settings(configs: Sequence[Config], runs: int) -> str:
    """Where hyper-parameters come from, as far as the runs' files tell it."""
    by_recipe: dict[str, list[Config]] = defaultdict(list)
    for config in configs:
        by_recipe[f"{config['dataset.name']}_{config.get('method.name')}"].append(config)
    told: dict[str, list[str]] = defaultdict(list)
    for name, some in sorted(by_recipe.items()):
        if recipe(name):
            told[_changed(name, some)].append(name)
    without = sorted(name for name in by_recipe if not recipe(name))
    texts = []
    if told:
        files = "; ".join(", ".join(names) + changed for changed, names in told.items())
        texts.append(f"Hyper-parameters: conf/recipe, where each file's head tells the selection: {files}.")
    if without:
        texts.append(f"Hyper-parameters without a recipe: {', '.join(without)}.")
    if runs > len(configs):
        texts.append(f"Hyper-parameters not known: {_runs(runs - len(configs))} without config.yaml.")
    return " ".join(texts)


def _changed(name: str, configs: Sequence[Config]) -> str:
    """The settings in which runs depart from their recipe; with the value where all have the same."""
    departing = []
    for key, value in recipe(name).items():
        values = {config.get(key) for config in configs}
        if values != {value}:
            departing.append(f"{key}={written(values.pop())}" if len(values) == 1 else key)
    return f" with other {', '.join(departing)}" if departing else ""


@cache
def recipe(name: str) -> dict[str, Any]:
    """The tuned values of a <dataset>_<method>, flattened, with those of recipes it builds on; empty without one."""
    paths = [conf / "recipe" / f"{name}.yaml" for conf in (Path("conf"), CONF)]  # a user's own wins, as in runs
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        return {}
    from omegaconf import OmegaConf  # reads 1e-2 as a number, unlike plain YAML

    content = OmegaConf.to_container(OmegaConf.load(path))
    if not isinstance(content, dict):
        return {}
    bases = content.pop("defaults", ["_self_"])
    layers = [dict(flat(content)) if base == "_self_" else recipe(base) for base in bases]
    return {key: value for layer in layers for key, value in layer.items()}


def _code(statuses: Sequence[Mapping[str, Any]]) -> str:
    """The code that made some runs; and where they differ in these, torch, CUDA and devices."""
    texts = [_counted([_commit(status) for status in statuses])]
    for key, name in MADE_WITH.items():
        values = [str(status[key]) if status.get(key) else "not known" for status in statuses]
        if len(set(values)) > 1:
            texts.append(f"{name} {_counted(values)}")
    return f"Code: {'; '.join(texts)}."


def _counted(texts: Sequence[str]) -> str:
    """All of them, with the number of runs where they are several."""
    count = Counter(texts)
    return texts[0] if len(count) == 1 else ", ".join(f"{text} ({_runs(n)})" for text, n in sorted(count.items()))


def _commit(status: Mapping[str, Any]) -> str:
    """The commit; of an installed package its version."""
    if commit := status.get("git_commit"):
        return f"commit {commit[:10]}{' with uncommitted changes' if status.get('git_dirty') else ''}"
    return f"version {status['modrobust']}" if status.get("modrobust") else "commit not known"


def _runs(n: int) -> str:
    return "1 run" if n == 1 else f"{n} runs"
