"""The settings in which runs differ: what a table over runs must show."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from modrobust.config.identity import LATER, without_idle
from modrobust.report.say import say

ALWAYS = ("dataset.name", "model.name")
_NO_SETTINGS = {
    *("seed", "replicas", "threads", "device", "paths", "hydra", "evaluate", "evaluation", "evaluations"),
    *("cache_gb", "checkpoint_seconds", "vis", "logger", "task", "search"),
}
_KINDS = ("name", "_target_")  # keys that tell what a section configures
_LINE = ("dataset.name", "method.name", "model.name", "evaluation.split")
_FOLLOWS = ("corruption.compositions.names", "corruption.names")
"""Where the first equals the second in all runs, the second is told."""
_ABSENT = object()

Config = Mapping[str, Any]
"""A configuration, flattened with dots (``method.lr``); lists as text (``[6,3,2,2]``)."""


def configurations(folders: Iterable[Path]) -> dict[Path, Config]:
    """The configurations of run folders; without those that are missing or, which is said, cannot be read."""
    paths = {folder: folder / "config.yaml" for folder in folders}
    with ThreadPoolExecutor(16) as pool:  # a network's file system answers slowly but in parallel
        texts = list(pool.map(_content, paths.values()))
    read = {folder: _configuration(path, text) for (folder, path), text in zip(paths.items(), texts, strict=True)}
    return {folder: config for folder, config in read.items() if config}


def _content(path: Path) -> str | OSError | ValueError:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        return error


def _configuration(path: Path, text: str | OSError | ValueError) -> Config:
    """Empty where it is not there or not whole."""
    config: dict[str, Any] = {}
    if isinstance(text, FileNotFoundError):
        return {}
    try:
        if isinstance(text, Exception):
            raise text
        for section in re.split(r"(?m)^(?=\w)", text):
            config.update(_section(section))
        if missing := [key for key in ALWAYS if config.get(key) is None]:
            raise ValueError(f"it has no {' and no '.join(missing)}")
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        if isinstance(error, yaml.YAMLError | UnicodeDecodeError):
            reason = "it is no YAML, or was cut off"
        say(f"{path} cannot be read: {reason}. The settings of this run are not known.")
        return {}
    return config


@cache  # runs share most sections, and parsing takes most of the time
def _section(text: str) -> Config:
    content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return dict(flat(content)) if isinstance(content, dict) else {}


def flat(content: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The keys and values of nested mappings, keys joined with dots, lists as text."""
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            text = json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value
            yield f"{prefix}{key}", text


def differing(configs: Mapping[Path, Config]) -> dict[Path, dict[str, Any]]:
    """The configuration keys in which runs differ.

    Runs are compared with runs of the same dataset, and the keys of a section (as `model.`) with runs in which it has
    the same name, or else the same _target_: a key that only another model has is no difference. Two runs with equal
    entries have equal settings. Not compared are seeds, and what only says where, how fast and on what was tested.

    Returns:
        For each folder the values, numbers or text or None, of dataset.name, model.name and of each key that differs
        and that its configuration has; keys in the order of the configuration.
    """
    configs = _completed(configs)
    keys = dict.fromkeys(key for config in configs.values() for key in config if key.split(".")[0] not in _NO_SETTINGS)
    shown = [*ALWAYS, *(key for key in keys if key not in ALWAYS and _differs(key, configs.values()))]
    return {folder: {key: config[key] for key in shown if key in config} for folder, config in configs.items()}


def _completed(configs: Mapping[Path, Config]) -> dict[Path, Config]:
    """The same, in which runs from before a key was there have what it was then, where others of their kind name it."""
    found = {folder: without_idle(config) for folder, config in configs.items()}
    for key, value in LATER.items():
        without = [config for config in found.values() if key not in config]
        if 0 < len(without) < len(found):
            kinds = {_kind(key, config) for config in found.values() if key in config}
            for config in without:
                if _kind(key, config) in kinds:
                    config[key] = value
    return {**found}


def overrides(configs: Mapping[Path, Config]) -> dict[Path, str]:
    """What tells a run from others of the same dataset, method, model and tested split, as on the command line.

    Returns:
        For each folder such as ``method.lr=0.1 training.epochs=5``; empty where these runs differ in no setting.
    """
    alike: dict[tuple[Any, ...], dict[Path, Config]] = defaultdict(dict)
    for folder, config in configs.items():
        alike[tuple(config.get(key) for key in _LINE)][folder] = config
    return {
        folder: " ".join(f"{key}={written(value)}" for key, value in settings.items() if key not in ALWAYS)
        for some in alike.values()
        for folder, settings in differing(some).items()
    }


def written(value: Any) -> str:
    """A value as YAML writes it: null, true, 0.1, mlp."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _differs(key: str, configs: Iterable[Config]) -> bool:
    """Whether runs of the same kind differ in a key."""
    values = {config.get(key, _ABSENT) for config in configs}
    if key.startswith("corruption.elemental."):  # which there are is told by corruption.names
        values.discard(_ABSENT)
        configs = [config for config in configs if key in config]
    if len(values) == 1:
        return False
    if key == _FOLLOWS[0] and all(config.get(key) == config.get(_FOLLOWS[1]) for config in configs):
        return False
    by_kind = defaultdict(set)
    for config in configs:
        by_kind[_kind(key, config)].add(config.get(key, _ABSENT))
    return any(len(some) > 1 for some in by_kind.values())


def _kind(key: str, config: Config) -> tuple[Any, ...]:
    """What a run's dataset and the sections that hold a key are, as far as other keys tell."""
    sections = key.split(".")[:-1]
    within = [".".join(sections[: depth + 1]) for depth in range(len(sections))]
    told = [next((f"{section}.{kind}" for kind in _KINDS if f"{section}.{kind}" in config), key) for section in within]
    return (config["dataset.name"], *(config[other] for other in told if other != key))
