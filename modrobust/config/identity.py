"""What names a run and its parts: all that its result depends on, and the hash of that. Imports no torch."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

import modrobust.config.folder  # noqa: F401  resolvers
from modrobust.config.typed import same, typed
from modrobust.errors import UserError

# What may differ between two runs that must give the same result.
_WITHOUT_EFFECT = (
    "hydra",
    "paths",
    "device",
    "checkpoint_seconds",
    "keep",
    "vis",
    "profile",
    "logger",
    "task",
    "search",
)
# Values that once computed something else: what was finished with them then is no result of theirs.
_CORRECTED = {("method", "pass_through", False): "both halves classified"}
MOVED: dict[str, str] = {}
"""Today's `_target_` -> the one of the first runs, for what has been moved since: finished work is still found."""
FEATURES_GB = 2
"""What cache_gb=auto is for features, whether they are kept may change their last bits; images are the same anyway."""
_OURS = "modrobust.evaluation."
_NEUTRAL = {"compositions": None, "max_length": None, "batch_size": 256, "activations": False}
"""Values of keys that bits do without; hashes of runs have always had them."""
LATER: dict[str, Any] = {
    "precision": "auto",
    "compile": False,
    "channels_last": "auto",
    "evaluation.severities": None,
    "dataset.corrupted": None,
    "method.restarts": 1,
    "method.routing_every": None,
    "method.routing_until": 1,
    "method.routing": "told",
}
"""Keys, with dots, that the first runs did not have, and the values that compute what those did."""
_IDLE = {"method.routing": "router"}
"""The section beside a later key that is nothing while the key has that value."""
# What every trained part depends on.
_OF_EVERY_PART = (
    "dataset",
    "model",
    "training",
    "seed",
    "threads",
    "cache_gb",
    "precision",
    "compile",
    "channels_last",
)


def identity(cfg: DictConfig) -> dict[str, Any]:
    """All of a configuration that its result depends on, resolved, as plain containers."""
    content: dict[str, Any] = {}
    for key in cfg:
        if key not in _WITHOUT_EFFECT:
            value = cfg[key]
            content[str(key)] = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    return identity_of(content)


def identity_of(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a configuration that is resolved already, as plain containers, which stay as they are."""
    content = {key: _first_named(value) for key, value in resolved.items() if key not in _WITHOUT_EFFECT}
    content["dataset"] = of_dataset(content["dataset"])
    content["evaluation"] = _tested(content["evaluation"])
    if not content.get("evaluations"):
        content.pop("evaluations", None)
    for key, value in LATER.items():
        group, _, name = key.rpartition(".")
        section = content[group] if group else content
        if name in section and section[name] == value:
            section.pop(name)
            section.pop(_IDLE.get(key, ""), None)
    if content["cache_gb"] == "auto":
        content["cache_gb"] = FEATURES_GB
    for (group, key, value), corrected in _CORRECTED.items():
        if content[group].get(key) is value:
            content[group][key] = corrected
    return content


def without_idle(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration, flattened with dots, without the keys that nothing is asked of."""
    off = (key for key in _IDLE if flat.get(key, LATER[key]) == LATER[key])
    idle = tuple(f"{key.rpartition('.')[0]}.{_IDLE[key]}." for key in off)
    return {key: value for key, value in flat.items() if not key.startswith(idle)}


def of_dataset(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """What a dataset's images depend on: where a checksum of the files stands for them, not where they lie."""
    without = ("folder", "path") if dataset.get("content") is not None else ()
    content = {key: value for key, value in dataset.items() if key not in without}
    if content.get("published_split") is False:  # as in all first runs, which had no such key
        content.pop("published_split")
    return content


def _first_named(value: Any) -> Any:
    """Plain containers in which every `_target_` has the name under which it was first known (see MOVED)."""
    if isinstance(value, list):
        return [_first_named(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: MOVED.get(one, one) if key == "_target_" else _first_named(one) for key, one in value.items()}


def _tested(evaluation: dict[str, Any]) -> dict[str, Any]:
    """What an evaluation is asked; of those that come with modrobust the keys of all, and not where their code is."""
    content = {key: value for key, value in evaluation.items() if key != "shard"}
    if not content.get("_target_", _OURS).startswith(_OURS):
        return content
    content.pop("_target_", None)
    if content.get("batch_size") == "auto":
        content.pop("batch_size")
    return {**_NEUTRAL, **content}


def training_identity(cfg: DictConfig) -> dict[str, Any]:
    """What every trained part depends on; corruptions and the method's values come part by part."""
    return of_every_part(identity(cfg))


def of_every_part(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The same, of a run's identity, which stays as it is."""
    content = {key: value for key, value in identity.items() if key in _OF_EVERY_PART}
    content["dataset"] = dict(content["dataset"])
    for key in (
        "n_test",
        "test_per_pair",
        "corrupted",
        "content",
    ):  # the content of train and valid is looked at, see `Parts`
        content["dataset"].pop(key, None)
    return content


def place(resolved: Mapping[Any, Any]) -> list[str | None]:
    """Where a run's data is looked for: the folder of all data, and one of the dataset's own."""
    data = resolved["dataset"]
    paths = resolved["paths"]["data"], data.get("folder") or data.get("path")
    return [str(Path(path).absolute()) if path else None for path in paths]


def fingerprint(content: Any) -> str:
    """Ten hexadecimal digits that stand for plain containers, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:10]


def is_worker(cfg: DictConfig) -> bool:
    """Whether a configuration is that of a worker of a hyper-parameter search, which does many runs."""
    return cfg.search is not None and cfg.search.worker is not None


def run_folder(cfg: DictConfig) -> str:
    """A run's folder below the runs folder: <dataset>/<method>-<model>/seed<k>-<hash>[/shard-2of8].

    A task's folder, below the tasks folder, is <that>/<task>-<hash>.
    """
    if is_worker(cfg):
        return f"{cfg.search.folder}/{cfg.search.step}-{cfg.search.trials}/worker-{cfg.search.worker}"
    task = OmegaConf.to_container(cfg.task) if "task" in cfg else None  # unresolved: a folder may refer to this one
    shard = str(cfg.evaluation.get("shard", "1/1"))  # not checked: in a sweep it is for its own run to refuse it
    return folder_of(identity(cfg), shard, task)


def folder_of(identity: Mapping[str, Any], shard: str = "1/1", task: Any = None) -> str:
    """The same, of a run whose identity is known."""
    dataset, method, model = (identity[group]["name"] for group in ("dataset", "method", "model"))
    folder = f"{dataset}/{method}-{model}/seed{identity['seed']}-{fingerprint(identity)}"
    if task is not None:
        return f"{folder}/{task['name']}-{fingerprint(task)}"
    return folder if shard == "1/1" else f"{folder}/shard-{shard.replace('/', 'of')}"


def kind_of(identity: Mapping[str, Any]) -> str:
    """Stands for what the time of a run depends on: all but its seed, learning rates and other such numbers."""
    content = {key: identity[key] for key in ("dataset", "model", "threads", "replicas")}
    content |= {key: _without_numbers(identity[key]) for key in ("training", "method")}
    content["corruptions"] = identity["corruption"].get("names")
    if identity["evaluate"]:
        tested = [identity["evaluation"], identity.get("evaluations"), identity["corruption"].get("compositions")]
        content["tested"] = tested
    return fingerprint(content)


def _without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_numbers(one) for key, one in value.items() if not isinstance(one, float)}
    return value


def per(key: str, *pairs: str, _root_: DictConfig) -> Any:
    """The value that goes with another key's: method.lr=${per:dataset.name,digits:0.1,mnist:0.05}. Raises UserError."""
    found = OmegaConf.select(_root_, key)
    values = dict(str(pair).split(":", 1) for pair in pairs if ":" in str(pair))
    for value, then in values.items():
        if found is not None and same(value, found):
            return typed(then)
    raise UserError(f"${{per:{key},...}}: {key} is {found}, and there are values for {', '.join(values) or 'none'}.")


OmegaConf.register_new_resolver("per", per, replace=True)
OmegaConf.register_new_resolver("data_folder", lambda: os.environ.get("MODROBUST_DATA") or "data", replace=True)
OmegaConf.register_new_resolver("run_folder", lambda _root_: run_folder(_root_), replace=True)
OmegaConf.register_new_resolver("runs_or_tasks", lambda _root_: "tasks" if "task" in _root_ else "runs", replace=True)


def plain(node: DictConfig, resolve: bool = True) -> dict[str, Any]:
    """A node as plain containers, interpolations resolved unless they are to be seen."""
    content = OmegaConf.to_container(node, resolve=resolve)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def unnamed(node: DictConfig) -> DictConfig:
    """A group's configuration without `name`, which is for people and folders."""
    content = plain(node)
    content.pop("name")
    return DictConfig(content, key=node._key())  # the key is for messages
