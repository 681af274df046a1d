"""Which runs a sweep has, and where their folders are."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from modrobust.config.check import check
from modrobust.config.explain import explain
from modrobust.config.identity import folder_of, identity_of, is_worker, plain, run_folder
from modrobust.errors import UserError
from modrobust.sweep.pieces import Piece, pieces

Compose = Callable[[list[str]], DictConfig]
"""The configuration of a command line, from the YAML files, with Hydra's own node `hydra`."""


@dataclass(frozen=True)
class Composer:
    """Composes configurations as the sweep's command line has it: from the folders that Hydra looks in, with its flags.

    Attributes:
        context: Hydra's loader and callbacks.
        config: of the sweep.
    """

    context: HydraContext
    config: DictConfig

    def __call__(self, overrides: list[str]) -> DictConfig:
        """The configuration of one run."""
        return self.context.config_loader.load_sweep_config(self.config, overrides)


Shape = tuple[tuple[str, ...], tuple[str, ...]]
"""What runs share that differ only in values: the overrides that choose options, and the keys that are set."""


@dataclass(frozen=True)
class Planned:
    """One run of a sweep.

    Attributes:
        overrides: its command line, for people.
        folder: where its results go.
        content: its configuration as plain containers, for a job. Interpolations stay: a node may have its own data.
        hydra: Hydra's settings for it: its log, environment, callbacks. One for all runs that differ only in values.
        pieces: what it trains.
        after: by the name of a piece, the folder of the stage, or run, that trains it first; see `stages`.
    """

    overrides: tuple[str, ...]
    folder: Path
    content: dict[str, Any] = field(repr=False)
    hydra: DictConfig = field(repr=False)
    pieces: tuple[Piece, ...] = field(default=(), repr=False)
    after: Mapping[str, Path] = field(default_factory=dict, repr=False)


def plan(jobs: Sequence[Sequence[str]], compose: Compose, runs: Path) -> list[Planned]:
    """The runs of a sweep, in order, each composed and checked as a single run is.

    Composing takes Hydra a tenth of a second; runs that differ only in values share what is composed.

    Args:
        jobs: the overrides of each run.
        compose: composes a configuration.
        runs: the folder of all runs.

    Raises:
        UserError: a run's configuration is wrong: what a single run would say, and which run it is; or two runs would
            have the same folder.
    """
    composed = _Composed(compose)
    planned: dict[Path, Planned] = {}
    for number, overrides in enumerate(jobs):
        try:
            cfg, hydra = composed(overrides)
            resolved = check(cfg, overrides)
            named = {} if is_worker(cfg) else identity_of(resolved)
            folder = runs / (folder_of(named, cfg) if named else run_folder(cfg))
        except Exception as error:
            line = explain(error, list(overrides))
            if line is None:
                raise
            which = f" (run {number + 1} of {len(jobs)}: {' '.join(overrides)})" if len(jobs) > 1 else ""
            raise UserError(f"{line}{which}") from error
        if folder in planned:
            first, second = " ".join(planned[folder].overrides), " ".join(overrides)
            raise UserError(f"two runs of the sweep are the same: '{first}' and '{second}' both are {folder}.")
        trained = pieces(named) if named and "task" not in cfg else ()
        planned[folder] = Planned(tuple(overrides), folder, plain(cfg, resolve=False), hydra, trained)
    return list(planned.values())


def counted(runs: Sequence[Planned]) -> str:
    """`12 runs`, or `2 workers` of a search, each of which does many runs."""
    workers = any(text.startswith("search.worker=") for run in runs for text in run.overrides)
    return f"{len(runs)} {'worker' if workers else 'run'}{'' if len(runs) == 1 else 's'}"


class _Composed:
    """Configurations of command lines, composed once for all that differ only in values."""

    def __init__(self, compose: Compose) -> None:
        self._compose = compose
        self._parse = lru_cache(maxsize=None)(_parse)
        self._known: dict[Shape, tuple[DictConfig, DictConfig]] = {}

    def __call__(self, overrides: Sequence[str]) -> tuple[DictConfig, DictConfig]:
        """The configuration without Hydra's node, and that node."""
        parsed = [self._parse(text) for text in overrides]
        shape = _shape(overrides, parsed)
        if shape not in self._known:
            self._known[shape] = _halves(self._compose(list(shape[0])))
        cfg, hydra = self._known[shape]  # whose values are those of another run, all of which are now set anew
        values = [one for one in parsed if _is_value(one)]
        if any(isinstance(one.value(), dict) for one in values):  # would be merged with another run's
            self._known.pop(shape)
        try:
            for one in values:
                OmegaConf.update(cfg, one.key_or_group, one.value())
        except OmegaConfBaseException:  # no such key: Hydra says so as it does of a single run
            return _halves(self._compose(list(overrides)))
        return cfg, hydra


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


def _halves(cfg: DictConfig) -> tuple[DictConfig, DictConfig]:
    """What a run is given, and Hydra's own settings."""
    mine = deepcopy(cfg)
    with open_dict(mine):
        mine.pop("hydra")
    return mine, cfg.hydra
