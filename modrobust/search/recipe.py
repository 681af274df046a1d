"""What a search chose, as a recipe: the YAML file that the next run of the dataset and method takes its values from."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from modrobust.config.keys import flatten
from modrobust.config.need import text_of
from modrobust.config.options import CONF
from modrobust.config.typed import typed
from modrobust.errors import UserError
from modrobust.search.record import Record
from modrobust.search.steps import overrides_of
from modrobust.store.files import write_text

Content = dict[str, Any]


def in_effect(name: str, overrides: Iterable[str]) -> Content:
    """What a recipe says now, with some values of the command line in its place; flat, keys with dots.

    Args:
        name: <dataset>_<method>.
        overrides: key=value.
    """
    files = [folder / "recipe" / f"{name}.yaml" for folder in (Path("conf"), CONF)]
    found = next((file for file in files if file.exists()), None)
    content = OmegaConf.to_container(OmegaConf.load(found)) if found else {}
    assert isinstance(content, Mapping)
    flat = {key: value for key, value in flatten(content) if not isinstance(value, Mapping)}
    for text in overrides:
        key, _, value = text.partition("=")
        flat[key] = typed(value)
    return flat


def write_recipe(record: Record, folder: Path) -> Path:
    """Write what a search chose as <folder>/<dataset>_<method>.yaml; an older file of that name is kept beside it.

    Raises:
        UserError: a step of the search is not finished, or had no trial that ended well.
    """
    content = record.content
    chosen: Content = {}
    head = [
        "# @package _global_",
        f"# Chosen on the validation split, seed {text_of(content['seed'])}; no composition was looked at.",
        *(f"# {command}" for command in record.commands),
        *_code(content),
    ]
    for step, spec in content["steps"].items():
        tried, best = record.tried(step), record.best(step)
        count = Counter(trial.state for trial in tried if trial.settled)
        if count.total() < len(tried) or not tried:
            what = f"{len(tried) - count.total()} of {len(tried)} trials are not done" if tried else "no trial is done"
            raise UserError(f"{record.folder}: step {step}: {what}; the same search command goes on.")
        if best is None:
            raise UserError(f"{record.folder}: step {step}: none of {len(tried)} trials ended well: {tried[0].error}")
        chosen |= best.values
        also = "".join(
            f", {count[state]} of them {state}" for state in ("diverged", "pruned", "failed") if count[state]
        )
        head += [
            f"# Step {step}: {len(spec['trials'])} configurations tried{also}.",
            f"# The best had {_score(spec)} {best.score:.5g}.",
        ]
        if others := record.ties(step)[1:]:
            head += [
                f"# So had, tried later: {'; '.join(' '.join(overrides_of(trial.values)) for trial in others)}.",
            ]
    lines = [*head, *_yaml(_nested({**content["recipe"], **chosen}), chosen, 0, "")]
    path = folder / f"{content['dataset']}_{content['method']}.yaml"
    text = "\n".join(lines) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        kept = next(name for i in range(1, 10**6) if not (name := path.with_suffix(f".yaml.{i}")).exists())
        path.rename(kept)
    write_text(path, text)
    return path


def _code(content: Mapping[str, Any]) -> list[str]:
    if not content.get("git_commit"):
        return []
    return [f"# Code: commit {content['git_commit']}{' with changes' if content.get('git_dirty') else ''}."]


def _score(spec: Mapping[str, Any]) -> str:
    if spec["score"] != "accuracy":
        return "the mean validation loss"
    which = {(0,): "clean images", (1,): "the elemental corruptions", (0, 1): "Identity and the elemental corruptions"}
    return f"the mean accuracy (%) over {which[tuple(sorted(spec['corruptions']))]}"


def _nested(flat: Mapping[str, Any]) -> Content:
    content: Content = {}
    for key, value in flat.items():
        *places, last = key.split(".")
        node = content
        for place in places:
            node = node.setdefault(place, {})
        node[last] = value
    return content


def _yaml(content: Mapping[str, Any], chosen: Mapping[str, Any], depth: int, prefix: str) -> Sequence[str]:
    lines = []
    for key, value in content.items():
        full = f"{prefix}{key}"
        if isinstance(value, Mapping):
            lines += [f"{'  ' * depth}{key}:", *_yaml(value, chosen, depth + 1, f"{full}.")]
        else:
            text = yaml.safe_dump(value, default_flow_style=True).removesuffix("\n...\n").strip()
            lines.append(f"{'  ' * depth}{key}: {text}   # {'chosen' if full in chosen else 'as in the search'}")
    return lines
