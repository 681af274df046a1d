"""The configuration: what names a run, and which values are refused. Imports no torch."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf

from modrobust.config.keys import check_keys, check_kinds, unknown_choice, written
from modrobust.errors import UserError

# What may differ between two runs that must give the same result.
_WITHOUT_EFFECT = ("hydra", "paths", "device", "checkpoint_seconds", "vis", "logger", "task", "search")
# Values that once computed something else: what was finished with them then is no result of theirs.
_CORRECTED = {("method", "pass_through", False): "both halves classified"}
# What every trained part depends on.
_OF_EVERY_PART = ("dataset", "model", "training", "seed", "threads", "cache_gb")


def identity(cfg: DictConfig) -> dict[str, Any]:
    """All of a configuration that its result depends on, resolved, as plain containers."""
    content: dict[str, Any] = {}
    for key in cfg:
        if key not in _WITHOUT_EFFECT:
            value = cfg[key]
            content[str(key)] = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    content["evaluation"].pop("shard")
    for (group, key, value), corrected in _CORRECTED.items():
        if content[group].get(key) is value:
            content[group][key] = corrected
    return content


def training_identity(cfg: DictConfig) -> dict[str, Any]:
    """What every trained part depends on; corruptions and the method's values come part by part."""
    content = {key: value for key, value in identity(cfg).items() if key in _OF_EVERY_PART}
    for key in ("n_test", "test_per_pair"):
        content["dataset"].pop(key, None)
    return content


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
    content = identity(cfg)
    dataset, method, model = (content[group]["name"] for group in ("dataset", "method", "model"))
    folder = f"{dataset}/{method}-{model}/seed{content['seed']}-{fingerprint(content)}"
    if "task" in cfg:
        task = OmegaConf.to_container(cfg.task)  # not resolved, for a folder in it may refer to this one
        return f"{folder}/{cfg.task.name}-{fingerprint(task)}"
    shard = str(cfg.evaluation.shard)  # not checked: in a sweep it is for its own run to refuse it
    return folder if shard == "1/1" else f"{folder}/shard-{shard.replace('/', 'of')}"


def per(key: str, *pairs: str, _root_: DictConfig) -> Any:
    """The value that goes with another key's: method.lr=${per:dataset.name,digits:0.1,mnist:0.05}. Raises UserError."""
    found = OmegaConf.select(_root_, key)
    values = dict(str(pair).split(":", 1) for pair in pairs if ":" in str(pair))
    for value, then in values.items():
        if found is not None and yaml.safe_load(value) == found:
            return yaml.safe_load(then)
    raise UserError(f"${{per:{key},...}}: {key} is {found}, and there are values for {', '.join(values) or 'none'}.")


OmegaConf.register_new_resolver("per", per, replace=True)
OmegaConf.register_new_resolver("run_folder", lambda _root_: run_folder(_root_), replace=True)
OmegaConf.register_new_resolver("runs_or_tasks", lambda _root_: "tasks" if "task" in _root_ else "runs", replace=True)


def parse_shard(text: str) -> tuple[int, int]:
    """'2/8' -> (2, 8). Raises UserError for anything that is not a share."""
    match = re.fullmatch(r"(\d+)/(\d+)", str(text))
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UserError(f"evaluation.shard={text} is not a share: write 2/8 for the second of eight.")
    return int(match[1]), int(match[2])


def plain(node: DictConfig) -> dict[str, Any]:
    """A node as plain containers, interpolations resolved."""
    content = OmegaConf.to_container(node, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def unnamed(node: DictConfig) -> DictConfig:
    """A group's configuration without `name`, which is for people and folders."""
    content = plain(node)
    content.pop("name")
    return DictConfig(content, key=node._key())  # the key is for messages


def check(cfg: DictConfig, overrides: Sequence[str]) -> None:
    """Refuse keys and values that would only fail later, or never; it takes milliseconds, for sweeps of thousands.

    Args:
        cfg: a run's configuration.
        overrides: the command line it was composed from.

    Raises:
        UserError: what is wrong, what was found and what is allowed.
    """
    if line := unknown_choice(overrides):  # Hydra passes over an optional group's
        raise UserError(line)
    known = written(overrides)
    check_keys(cfg, known)
    if cfg.search is not None and not is_worker(cfg):
        raise UserError(f"search={cfg.search.kind} is a sweep of many runs: modrobust -m search={cfg.search.kind} ...")
    least = {
        "training.epochs": 1,
        "training.batch_size": 1,
        "evaluation.batch_size": 1,
        "threads": 1,
        "replicas": 1,
        "seed": 0,
    }
    if cfg.evaluation.max_length is not None:
        least["evaluation.max_length"] = 0
    for key, smallest in least.items():
        value = OmegaConf.select(cfg, key)
        if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
            raise UserError(f"{key}={value}: a whole number of at least {smallest} is needed.")
    if cfg.evaluation.activations not in (True, False, "raw"):
        raise UserError(f"evaluation.activations={cfg.evaluation.activations}: allowed are false, true and raw.")
    only = cfg.evaluation.compositions
    if only is not None and not isinstance(only, ListConfig):
        raise UserError(f"evaluation.compositions={only}: a list is needed, such as [Identity,Contrast-Swirl].")
    if re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", str(cfg.device)) is None:
        raise UserError(f"device={cfg.device}: allowed are auto, cpu, mps, cuda and cuda:<number>.")
    check_kinds(cfg, known)
