"""The configuration: what names a run, which values are refused, what to say when it is wrong. Imports no torch."""

import hashlib
import json
import re
import traceback
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError
from yaml.error import MarkedYAMLError

from modrobust.errors import UserError
from modrobust.keys import check_keys, check_kinds, unknown_choice, unknown_key, unknown_option, written
from modrobust.options import CONF

__all__ = [
    "CONF",
    "check",
    "explain",
    "fingerprint",
    "identity",
    "parse_shard",
    "run_folder",
    "training_identity",
    "unnamed",
]

# What may differ between two runs that must give the same result.
_WITHOUT_EFFECT = ("hydra", "paths", "device", "checkpoint_seconds")
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
    return content


def training_identity(cfg: DictConfig) -> dict[str, Any]:
    """What every trained part depends on; corruptions and the method's values come part by part."""
    content = {key: value for key, value in identity(cfg).items() if key in _OF_EVERY_PART}
    content["dataset"].pop("n_test", None)
    return content


def fingerprint(content: Any) -> str:
    """Ten hexadecimal digits that stand for plain containers, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:10]


def run_folder(cfg: DictConfig) -> str:
    """A run's folder below the runs folder: <dataset>/<method>-<model>/seed<k>-<hash>[/shard-2of8]."""
    content = identity(cfg)
    dataset, method, model = (content[group]["name"] for group in ("dataset", "method", "model"))
    folder = f"{dataset}/{method}-{model}/seed{content['seed']}-{fingerprint(content)}"
    shard = str(cfg.evaluation.shard)  # not checked: in a sweep it is for its own run to refuse it
    return folder if shard == "1/1" else f"{folder}/shard-{shard.replace('/', 'of')}"


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
    return DictConfig(content, key=node._key())  # the key is for messages


def check(cfg: DictConfig) -> None:
    """Refuse keys and values that would only fail later, or never. Raises UserError."""
    overrides = list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []
    if overrides and (line := unknown_choice(overrides)):  # Hydra passes over an optional group's
        raise UserError(line)
    known = written(overrides) if overrides else {}
    if known:
        check_keys(cfg, known)
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
    only = cfg.evaluation.compositions
    if only is not None and not isinstance(only, ListConfig):
        raise UserError(f"evaluation.compositions={only}: a list is needed, such as [Identity,Contrast-Swirl].")
    if re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", str(cfg.device)) is None:
        raise UserError(f"device={cfg.device}: allowed are auto, cpu, mps, cuda and cuda:<number>.")
    check_kinds(cfg, known)


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
    first = (text.splitlines() or [""])[0]
    if isinstance(error, MissingConfigException):
        return _missing_file(text)
    if match := re.match(r"Ambiguous value for argument '((.+?)=(.*))'", first):
        return f"'{match[1]}': write {match[2]}=[{match[3]}] for a list, or add -m for a run with each."
    if isinstance(error, ConfigCompositionException):
        return _not_composed(error, overrides)
    if isinstance(error, InstantiationException):
        return _not_instantiated(text, last)
    if isinstance(error, OverrideParseException):
        return f"'{error.override}' is not an override: write key=value; quote a value with special characters."
    if isinstance(error, MarkedYAMLError) and (mark := error.problem_mark):
        return f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}: {error.problem}."
    if isinstance(error, OmegaConfBaseException):
        return _not_read(error, first)
    if isinstance(error, ValueError) and _raised_by_hydra(error):  # for dataset=3, for flags that don't go together
        return unknown_choice(overrides) or first
    if isinstance(error, HydraException | YAMLError):
        return " ".join(line.strip() for line in text.splitlines() if line.strip())
    return None


def _raised_by_hydra(error: Exception) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(hydra.__file__).parent in Path(frames[-1].filename).parents


def _missing_file(text: str) -> str:
    """A group's option, chosen on the command line or by a YAML file, that does not exist."""
    found = re.match(r"In '(.+?)': Could not (?:find|load) '(.+)/([^/']+)'", text)
    if found is None:
        return text.splitlines()[0]
    allowed = [line.strip() for line in text.splitlines() if re.fullmatch(r"\t[\w-]+", line)]
    place = "" if found[1] in ("config", "hydra/config") else f"{found[1]}.yaml: "
    return place + unknown_option(found[2], found[3], allowed)


def _not_composed(error: ConfigCompositionException, overrides: list[str]) -> str:
    text = str(error)
    if match := re.match(r"Could not (?:override|delete from config\.) '(.+?)'", text):
        try:
            return unknown_key(match[1], written(overrides))
        except HydraException:
            return f"There is no key '{match[1]}'."
    added = re.match(r"(?:Multiple values for |.*An item is already at ')([^'\s]+?)['.]", text)
    if added and any(override.startswith(f"+{added[1]}=") for override in overrides):
        return f"'+{added[1]}=...': there is a key '{added[1]}' already; leave out the +."
    return " ".join(line.strip() for line in f"{text}\n{error.__cause__ or ''}".splitlines() if line.strip())


def _not_instantiated(text: str, cause: BaseException) -> str:
    place = re.search(r"full_key: (\S+)", text) or re.search(r"target '([^']+)'", text)
    reason = (str(cause).splitlines() or [""])[0]
    if match := re.match(r"Error locating target '(.+?)'", text):
        reason = f"_target_ {match[1]} can't be imported: {reason}"
    elif not isinstance(cause, TypeError):  # which is mostly about a parameter's name
        frame = traceback.extract_tb(cause.__traceback__)[-1]
        reason = f"{type(cause).__name__}: {reason} ({frame.filename}, line {frame.lineno})"
    return f"{place[1] if place else 'configuration'}: {reason}"


def _not_read(error: OmegaConfBaseException, first: str) -> str:
    """A key that is missing, or refers to one that is."""
    if match := re.match(r"UserError raised while resolving interpolation: (.*)", first):
        return match[1]
    if match := re.match(r"KeyError raised while resolving interpolation: '(.+)'", first):
        return f"The key '{match[1]}' is missing."
    key = getattr(error, "full_key", None)
    if isinstance(error, ConfigAttributeError | ConfigKeyError):
        return f"The key '{key}' is missing."
    return f"{key}: {first}" if key else first
