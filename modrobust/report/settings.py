"""The settings in which runs differ: what a table over runs must show."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modrobust.errors import UserError

ALWAYS = ("dataset.name", "model.name")
_NO_SETTINGS = {
    *("seed", "replicas", "threads", "device", "paths", "hydra", "evaluate", "evaluation"),
    *("cache_gb", "checkpoint_seconds", "vis"),
}
_KINDS = ("name", "_target_")  # keys that tell what a section configures
_ABSENT = object()


def differing(folders: Sequence[Path]) -> dict[Path, dict[str, Any]]:
    """The configuration keys, flattened with dots, in which runs differ.

    Runs are compared with runs of the same dataset, and the keys of a section (as `model.`) with runs in which it has
    the same name, or else the same _target_: a key that only another model has is no difference. Two runs with equal
    entries have equal settings. Not compared are seeds, and what only says where, how fast and on what was tested.

    Args:
        folders: run folders, each with a config.yaml.

    Returns:
        For each folder the values, numbers or text or None, of dataset.name, model.name and of each key that differs
        and that its configuration has; keys in the order of the configuration.

    Raises:
        UserError: a config.yaml is missing or cannot be read.
    """
    configs = {folder: configuration(folder) for folder in folders}
    keys = dict.fromkeys(key for config in configs.values() for key in config)
    shown = [*ALWAYS, *(key for key in keys if key not in ALWAYS and _differs(key, list(configs.values())))]
    return {folder: {key: config[key] for key in shown if key in config} for folder, config in configs.items()}


def configuration(folder: Path) -> dict[str, Any]:
    """A run's settings, flattened with dots; lists as text (``[6,3,2,2]``).

    Raises:
        UserError: config.yaml is missing, cannot be read, or names no dataset or model.
    """
    from omegaconf import OmegaConf
    from yaml import YAMLError

    path = folder / "config.yaml"
    try:
        content = OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, ValueError, YAMLError) as error:
        raise UserError(f"{path} cannot be read: {(str(error).splitlines() or [''])[0]}.") from None
    config: dict[str, Any] = {}
    if isinstance(content, dict):
        config.update(_flat({key: value for key, value in content.items() if key not in _NO_SETTINGS}))
    if missing := [key for key in ALWAYS if key not in config]:
        raise UserError(f"{path} has no {' and no '.join(missing)}.")
    return config


def _flat(content: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            text = json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value
            yield f"{prefix}{key}", text


def _differs(key: str, configs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether runs of the same kind differ in a key."""
    values = defaultdict(set)
    for config in configs:
        values[_kind(key, config)].add(config.get(key, _ABSENT))
    return any(len(some) > 1 for some in values.values())


def _kind(key: str, config: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a run's dataset and the sections that hold a key are, as far as other keys tell."""
    sections = key.split(".")[:-1]
    within = [".".join(sections[: depth + 1]) for depth in range(len(sections))]
    told = [next((f"{section}.{kind}" for kind in _KINDS if f"{section}.{kind}" in config), key) for section in within]
    return (config["dataset.name"], *(config[other] for other in told if other != key))
