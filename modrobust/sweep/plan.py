"""Which runs a sweep has, and where their folders are."""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf, open_dict

from modrobust.config.identity import run_folder
from modrobust.errors import UserError

Compose = Callable[[list[str]], DictConfig]
"""The configuration of a command line, from the YAML files."""

Shape = tuple[tuple[str, ...], tuple[str, ...]]
"""What runs share that differ only in values: the overrides that choose options, and the keys that are set."""


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
    composed: dict[Shape, DictConfig] = {}
    planned: dict[Path, Planned] = {}
    for overrides in jobs:
        parsed = [parse(text) for text in overrides]
        values = [one for one in parsed if _is_value(one)]
        shape = _shape(overrides, parsed)
        if shape not in composed:
            composed[shape] = _without_hydra(compose(list(shape[0])))
        cfg = composed[shape]  # whose values are those of another run, all of which are now set anew
        if any(isinstance(one.value(), dict) for one in values):  # would be merged with another run's
            cfg = deepcopy(cfg)
        for one in values:
            OmegaConf.update(cfg, one.key_or_group, one.value())
        folder = runs / run_folder(cfg)
        run = Planned(tuple(overrides), folder)
        if folder in planned:
            first, second = " ".join(planned[folder].overrides), " ".join(overrides)
            raise UserError(f"two runs of the sweep are the same: '{first}' and '{second}' both are {folder}.")
        planned[folder] = run
    return list(planned.values())


def counted(runs: Sequence[Planned]) -> str:
    """`12 runs`, or `2 workers` of a search, each of which does many runs."""
    workers = any(text.startswith("search.worker=") for run in runs for text in run.overrides)
    return f"{len(runs)} {'worker' if workers else 'run'}{'' if len(runs) == 1 else 's'}"


def different(jobs: Iterable[Sequence[str]]) -> list[Sequence[str]]:
    """The first run of all those that differ only in values."""
    parse = lru_cache(maxsize=None)(_parse)
    first: dict[Shape, Sequence[str]] = {}
    for overrides in jobs:
        first.setdefault(_shape(overrides, [parse(text) for text in overrides]), overrides)
    return list(first.values())


def _parse(text: str) -> Override:
    return OverridesParser.create().parse_overrides([text])[0]


def _shape(overrides: Sequence[str], parsed: Sequence[Override]) -> Shape:
    pairs = list(zip(overrides, parsed, strict=True))
    choices = tuple(text for text, one in pairs if not _is_value(one))
    return choices, tuple(one.key_or_group for _, one in pairs if _is_value(one))


def _is_value(one: Override) -> bool:
    """Whether an override only sets a key; the choice of an option, additions, deletions are for Hydra to compose."""
    plain = one.type is OverrideType.CHANGE and one.package is None and "/" not in one.key_or_group
    return plain and ("." in one.key_or_group or not isinstance(one.value(), str))


def _without_hydra(cfg: DictConfig) -> DictConfig:
    cfg = deepcopy(cfg)
    with open_dict(cfg):
        cfg.pop("hydra", None)
    return cfg
