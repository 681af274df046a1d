"""The configuration: where it lies, what names a run, and what to say when it is wrong. Imports no torch."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from modrobust.errors import UserError, nearest

_PACKAGE = Path(__file__).resolve().parent
CONF = next(folder for folder in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if folder.is_dir())

# What may differ between two runs that must give the same result.
_WITHOUT_EFFECT = ("hydra", "paths", "device", "checkpoint_seconds")


def identity(cfg: DictConfig) -> dict[str, Any]:
    """All of a configuration that its result depends on, resolved, as plain containers."""
    content: dict[str, Any] = {}
    for key in cfg:
        if key not in _WITHOUT_EFFECT:
            value = cfg[key]
            content[str(key)] = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    content["evaluation"].pop("shard")
    return content


def fingerprint(content: Any) -> str:
    """Ten hexadecimal digits that stand for plain containers, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:10]


def run_folder(cfg: DictConfig) -> str:
    """A run's folder below the runs folder: <dataset>/<method>-<model>/seed<k>-<hash>[/shard-2of8]."""
    content = identity(cfg)
    dataset, method, model = (content[group]["name"] for group in ("dataset", "method", "model"))
    folder = f"{dataset}/{method}-{model}/seed{content['seed']}-{fingerprint(content)}"
    part, of = parse_shard(cfg.evaluation.shard)
    return folder if of == 1 else f"{folder}/shard-{part}of{of}"


OmegaConf.register_new_resolver("run_folder", lambda _root_: run_folder(_root_), replace=True)


def parse_shard(text: str) -> tuple[int, int]:
    """'2/8' -> (2, 8). Raises UserError for anything that is not a share."""
    match = re.fullmatch(r"(\d+)/(\d+)", str(text))
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UserError(f"evaluation.shard={text} is not a share: write 2/8 for the second of eight.")
    return int(match[1]), int(match[2])


def unnamed(node: DictConfig) -> DictConfig:
    """A group's configuration without `name`, which is for people and folders."""
    content = OmegaConf.to_container(node, resolve=True)
    assert isinstance(content, dict)
    content.pop("name")
    return OmegaConf.create(content)


def check(cfg: DictConfig) -> None:
    """Refuse values that would only fail later. Raises UserError."""
    least = {
        "training.epochs": 1,
        "training.batch_size": 1,
        "evaluation.batch_size": 1,
        "threads": 1,
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
    if re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", str(cfg.device)) is None:
        raise UserError(f"device={cfg.device}: allowed are auto, cpu, mps, cuda and cuda:<number>.")


def explain(error: BaseException, overrides: list[str]) -> str | None:
    """One line for a mistake in the configuration or the data; None where a traceback tells more.

    Args:
        error: what was raised while composing the configuration or by the run.
        overrides: the command line.
    """
    cause: BaseException | None = error
    while cause is not None:  # Hydra wraps what an instantiated object raises
        if isinstance(cause, UserError):
            return str(cause)
        last, cause = cause, cause.__cause__
    text = str(error)
    if match := re.match("UserError raised while resolving interpolation: (.*)", text):
        return match[1]
    if isinstance(error, MissingConfigException):
        return _unknown_option(text)
    if isinstance(error, ConfigCompositionException) and (match := re.search(r"override '?([^'\s]+?)'?\.?\s", text)):
        return _unknown_key(match[1], overrides)
    if isinstance(error, InstantiationException):
        place = re.search(r"full_key: (\S+)", text) or re.search(r"call to '([^']+)'", text)
        return f"{place[1] if place else 'configuration'}: {str(last).splitlines()[0]}"
    if isinstance(error, OverrideParseException):
        return f"'{error.override}' is not an override: {text.splitlines()[0]}; write key=value."
    if isinstance(error, HydraException | OmegaConfBaseException | YAMLError):
        return " ".join(line.strip() for line in text.splitlines() if line.strip())
    return None


def _unknown_option(text: str) -> str:
    found = re.search(r"Could not find '(.+?)/([^/']+)'", text)
    if found is None:
        return text.splitlines()[0]
    options = [line.strip() for line in text.partition("Available options")[2].splitlines()[1:] if line.strip()]
    options = [option for option in options if not option.startswith("Config search path")]
    allowed = ", ".join(option for option in options if " " not in option)
    return f"{found[1]}={found[2]}: there is no such {found[1]}.{nearest(found[2], options)} Allowed: {allowed}."


def _unknown_key(key: str, overrides: list[str]) -> str:
    keys = _all_keys(overrides)
    near = nearest(key, keys)
    if not near:  # the same last name elsewhere, or the keys next to it
        last = key.rpartition(".")[2]
        near = nearest(last, {name.rpartition(".")[2] for name in keys})
    parent = key.rpartition(".")[0]
    prefix = f"{parent}." if parent else ""
    beside = sorted({name[len(prefix) :].split(".")[0] for name in keys if name.startswith(prefix)})
    where = f"under '{parent}'" if parent and beside else "at the top"
    if not beside:
        beside = sorted({name.split(".")[0] for name in keys})
    beside = [name for name in beside if not name.startswith("_")]
    return f"There is no key '{key}'.{near} Keys {where}: {', '.join(beside)}."


def _all_keys(overrides: list[str]) -> list[str]:
    """Every key of the configuration that the command line's choices of groups give."""
    choices = [text for text in overrides if re.fullmatch(r"(dataset|model|method|corruption)=[\w-]+", text)]
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            cfg = compose("config", overrides=choices)
    except HydraException:
        return []
    keys: list[str] = []

    def collect(node: DictConfig, prefix: str) -> None:
        for key in map(str, node):
            keys.append(f"{prefix}{key}")
            if not OmegaConf.is_missing(node, key) and isinstance(child := node._get_node(key), DictConfig):
                collect(child, f"{prefix}{key}.")

    collect(cfg, "")
    return keys
