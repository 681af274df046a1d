"""What a search is asked, from its command line: refused where it is wrong, before anything is written."""

import logging
import shlex
from collections.abc import Mapping, Sequence
from functools import reduce
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from modrobust.config.command import found
from modrobust.config.identity import fingerprint, identity, plain
from modrobust.config.keys import flatten, unknown_key, unknown_option
from modrobust.config.need import text_of
from modrobust.config.values import check_values
from modrobust.errors import UserError
from modrobust.search.recipe import in_effect
from modrobust.search.record import FILE, Record
from modrobust.search.search import Search
from modrobust.search.steps import Step, is_number, steps_of
from modrobust.store.provenance import code_version
from modrobust.sweep.plan import Compose

log = logging.getLogger(__name__)

_SET_BY_THE_SEARCH = ("search.serve", "search.worker", "search.step", "search.folder")


def begin(overrides: Sequence[str], given: Sequence[str], compose: Compose, runs: Path) -> Search:
    """One search: its steps, and its folder, which stands for all that its trials have in common.

    Args:
        overrides: of this search, of the command line's combinations of choices.
        given: the command line.
        compose: makes a configuration from overrides.
        runs: the folder of all runs.

    Raises:
        UserError: something would be passed over in silence, is not there, or would fail in every trial.
    """
    about_search = [text for text in overrides if _key(text).split("/")[0].split(".")[0] == "search"]
    others = [text for text in overrides if text not in about_search]
    cfg = compose(list(overrides))
    choices = cfg.hydra.runtime.choices
    dataset, method = choices["dataset"], choices["method"]
    if not any(_key(text).startswith("search/steps") for text in about_search):
        allowed = found(given).options("search/steps")
        if method not in allowed:
            raise UserError(unknown_option("search/steps", method, allowed))
        about_search.append(f"search/steps={method}")
        cfg = compose([*others, *about_search])
    settings = plain(cfg.search)
    steps = steps_of(settings)
    check_values({"search": {key: value for key, value in settings.items() if key != "steps"}})
    _refuse_unheard(given, steps, str(choices["search"]))
    _refuse_unknown(cfg, steps)
    if settings["kind"] == "tpe":
        if find_spec("optuna") is None:
            raise UserError("search=tpe needs optuna: pip install optuna.")
        _refuse_scales(steps)
    record = Record(_folder(cfg, settings, steps, runs), runs)
    recipe = in_effect(f"{dataset}_{method}", [text for text in others if text.startswith(("method.", "training."))])
    about = {"dataset": dataset, "method": method, "model": cfg.model.name, "kind": settings["kind"]}
    about |= {"seed": settings["seed"], "pruner": choices.get("search/pruner"), "recipe": recipe, **code_version()}
    one = Search(others, about_search, steps, record, settings, about, shlex.join(["modrobust", "-m", *given]))
    one.check(compose)
    return one


def _key(text: str) -> str:
    return text.lstrip("+~").partition("=")[0]


def _refuse_unheard(given: Sequence[str], steps: Sequence[Step], kind: str) -> None:
    """Refuse what the trials would not listen to."""
    searched = {key: step.name for step in steps for key in step.values}
    fixed = {_key(text): text for text in steps[-1].overrides}
    for text in given:
        key, value = _key(text), text.partition("=")[2]
        if key == "seed":
            several = f"[{value}]" if "," in value and not value.startswith("[") else value
            raise UserError(f"{text}: the trials of a search have a seed of their own: search.seed={several}.")
        if key == "search.kind" and value != kind:
            raise UserError(f"{text}: the kind of a search is chosen by search=grid or search=tpe; this is {kind}.")
        if key in _SET_BY_THE_SEARCH and value != "null":
            raise UserError(f"{text}: the search itself sets this for its workers.")
        if key in searched:
            place = f"search.steps.{searched[key]}.values.{key}"
            raise UserError(f"{text}: this key is searched; the values that are tried are '{place}=[...]'.")
        if key in fixed and text != fixed[key]:
            raise UserError(f"{text}: the trials of a search have {fixed[key]}.")


def _refuse_unknown(cfg: DictConfig, steps: Sequence[Step]) -> None:
    """Refuse keys that the configuration does not have, and those that choose options of a group."""
    content = plain(cfg, resolve=False)
    for key in ("hydra", "search"):
        content.pop(key, None)
    known = dict(flatten(content))
    for step in steps:
        for key in step.values:
            if found(()).options(key.replace(".", "/")):
                several = ",".join(map(text_of, step.values[key]))
                raise UserError(
                    f"search.steps.{step.name}.values.{key}: options of a group are not searched; {key}={several} on "
                    "the command line is a search for each."
                )
            if key not in known or isinstance(known[key], Mapping):
                raise UserError(f"search.steps.{step.name}.values: {unknown_key(key, known)}")


def _refuse_scales(steps: Sequence[Step]) -> None:
    """Refuse numbers that look like a logarithmic scale with a 0, or less, on it."""
    for step in steps:
        for key, values in step.values.items():
            positive = [value for value in values if is_number(value) and value > 0]
            numbers = all(map(is_number, values)) and len(positive) < len(values)
            if numbers and len(positive) > 1 and max(positive) >= 100 * min(positive):
                raise UserError(
                    f"search.steps.{step.name}.values.{key}={text_of(values)}: search=tpe draws such numbers on a "
                    f"logarithmic scale, which has no {text_of(min(values))}; leave it out, or take search=grid."
                )


def _folder(cfg: DictConfig, settings: dict[str, Any], steps: Sequence[Step], runs: Path) -> Path:
    content = identity(cfg)
    content.pop("seed")
    for key in (key for step in steps for key in step.values):
        *places, last = key.split(".")
        reduce(dict.__getitem__, places, content).pop(last, None)
    what = [[step.name, step.values, step.overrides, step.score, step.corruptions] for step in steps]
    pruner = [settings["pruner"]] if settings.get("pruner") else []  # the first searches had none
    digest = fingerprint([content, settings["kind"], settings["seed"], what, *pruner])
    dataset, method, model = (content[group]["name"] for group in ("dataset", "method", "model"))
    return runs / dataset / f"{method}-{model}" / f"search-{digest}"


def told_apart(one: Search) -> str | None:
    """What tells a new search from the newest one beside it; None where it is not new or the only one."""
    if (one.record.folder / FILE).exists():
        return None
    beside = [Record.at(file.parent) for file in one.record.folder.parent.glob(f"search-*/{FILE}")]
    if not beside:
        return None
    other = max(beside, key=lambda record: record.updated)
    different = list(_differences(one, other.content))
    what = "; ".join(different) if different else "settings of the trials differ"
    return f"{one.record.folder.name} is a search of its own beside {other.folder.name}: {what}."


def _differences(one: Search, other: Mapping[str, Any]) -> list[str]:
    found = [
        f"search.{key} is {text_of(one.about[key])}, there {text_of(other.get(key))}"
        for key in ("kind", "seed", "pruner")
        if one.about[key] != other.get(key)
    ]
    for step in one.steps:
        there = other["steps"].get(step.name, {})
        if "values" not in there:  # written by an older version, or another step
            continue
        found += [
            f"search.steps.{step.name}.values.{key} is {text_of(values)}, there {text_of(there['values'].get(key))}"
            for key, values in step.values.items()
            if there["values"].get(key) != values
        ]
    return found
