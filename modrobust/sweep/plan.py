"""Which runs a sweep has, and where their folders are."""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf, open_dict

from modrobust.config import run_folder
from modrobust.errors import UserError

Compose = Callable[[list[str]], DictConfig]
"""The configuration of a command line, from the YAML files."""


@dataclass(frozen=True)
class Planned:
    """One run of a sweep.

    Attributes:
        overrides: its command line.
        folder: where its results go.
    """

    overrides: tuple[str, ...]
    folder: Path


def plan(jobs: Iterable[Sequence[str]], compose: Compose, runs: Path) -> list[Planned]:
    """The runs of a sweep, in order.

    Composing takes Hydra a tenth of a second; runs that differ only in values share what is composed.

    Args:
        jobs: the overrides of each run.
        compose: composes a configuration.
        runs: the folder of all runs.

    Raises:
        UserError: two runs would have the same folder.
    """
    parse = lru_cache(maxsize=None)(_parse)
    composed: dict[tuple[str, ...], DictConfig] = {}
    planned: dict[Path, Planned] = {}
    for overrides in jobs:
        parsed = [parse(text) for text in overrides]
        values = [one for one in parsed if _is_value(one)]
        choices = tuple(text for text, one in zip(overrides, parsed, strict=True) if not _is_value(one))
        if choices not in composed:
            composed[choices] = _without_hydra(compose(list(choices)))
        cfg = deepcopy(composed[choices]) if values else composed[choices]
        for one in values:
            OmegaConf.update(cfg, one.key_or_group, one.value())
        folder = runs / run_folder(cfg)
        run = Planned(tuple(overrides), folder)
        if folder in planned:
            first, second = " ".join(planned[folder].overrides), " ".join(overrides)
            raise UserError(f"two runs of the sweep are the same: '{first}' and '{second}' both are {folder}.")
        planned[folder] = run
    return list(planned.values())


def _parse(text: str) -> Override:
    return OverridesParser.create().parse_overrides([text])[0]


def _is_value(one: Override) -> bool:
    """Whether an override only sets a key; the choice of an option, additions, deletions are for Hydra to compose."""
    plain = one.type is OverrideType.CHANGE and one.package is None and "/" not in one.key_or_group
    return plain and ("." in one.key_or_group or not isinstance(one.value(), str))


def _without_hydra(cfg: DictConfig) -> DictConfig:
    cfg = deepcopy(cfg)
    with open_dict(cfg):
        cfg.pop("hydra", None)
    return cfg
