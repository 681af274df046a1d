"""Which runs a sweep has, and where their folders are."""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from modrobust.config.check import check
from modrobust.config.explain import explain
from modrobust.config.identity import folder_of, identity_of, is_worker, kind_of, plain, run_folder
from modrobust.config.keys import choices, flatten
from modrobust.config.need import Need
from modrobust.config.typed import parser
from modrobust.config.values import values as needed
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


CROSSED = ("corruption", "evaluation", "evaluations", "search", "task")
"""Nodes whose keys are checked together."""

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
        resolved: the same without interpolations, as it would be here; shares what it has in common with other runs'.
        pieces: what it trains.
        kind: two runs of the same kind take about as long (see `kind_of`).
        after: by the name of a piece, the folder of the stage, or run, that trains it first; see `stages`.
    """

    overrides: tuple[str, ...]
    folder: Path
    content: dict[str, Any] = field(repr=False)
    hydra: DictConfig = field(repr=False)
    resolved: dict[str, Any] = field(default_factory=dict, repr=False)
    pieces: tuple[Piece, ...] = field(default=(), repr=False)
    kind: str = field(default="", repr=False)
    after: Mapping[str, Path] = field(default_factory=dict, repr=False)

    @property
    def bare(self) -> "Planned":
        """What a job is given."""
        return replace(self, resolved={}, pieces=(), after={})


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
            one = composed(overrides)
        except Exception as error:
            line = explain(error, list(overrides))
            if line is None:
                raise
            which = f" (run {number + 1} of {len(jobs)}: {' '.join(overrides)})" if len(jobs) > 1 else ""
            raise UserError(f"{line}{which}") from error
        run = _planned(overrides, one, runs)
        if run.folder in planned:
            first, second = " ".join(planned[run.folder].overrides), " ".join(overrides)
            raise UserError(f"two runs of the sweep are the same: '{first}' and '{second}' both are {run.folder}.")
        planned[run.folder] = run
    return list(planned.values())


def _planned(overrides: Sequence[str], one: "_Checked", runs: Path) -> Planned:
    run = partial(Planned, tuple(overrides), content=one.written, hydra=one.hydra, resolved=one.resolved)
    if one.worker:
        return run(runs / one.worker)
    identity, task = identity_of(one.resolved), one.written.get("task")
    folder = runs / folder_of(identity, str(one.resolved["evaluation"].get("shard", "1/1")), task)
    trained = () if task else pieces(identity)
    return run(folder, pieces=trained, kind=kind_of(identity))


def counted(runs: Sequence[Planned]) -> str:
    """`12 runs`, or `2 workers` of a search, each of which does many runs."""
    workers = any(text.startswith("search.worker=") for run in runs for text in run.overrides)
    return f"{len(runs)} {'worker' if workers else 'run'}{'' if len(runs) == 1 else 's'}"


class _Checked(NamedTuple):
    """A configuration that is known to be good: as written and resolved, as plain containers; Hydra's own node.

    `worker` is the folder of a search's worker, which is no run; empty for a run.
    """

    written: dict[str, Any]
    resolved: dict[str, Any]
    hydra: DictConfig
    worker: str


class _Composed:
    """Configurations of command lines, composed once for all that differ only in values."""

    def __init__(self, compose: Compose) -> None:
        self._compose = compose
        self._parse = lru_cache(maxsize=None)(_parse)
        self._known: dict[Shape, tuple[DictConfig, DictConfig]] = {}
        self._written: dict[Shape, Mapping[str, Any]] = {}
        self._checked: dict[Shape, tuple[_Checked, Mapping[str, Need]]] = {}

    def __call__(self, overrides: Sequence[str]) -> _Checked:
        """Of a run, checked. Raises UserError where it is wrong."""
        parsed = [self._parse(text) for text in overrides]
        shape = _shape(overrides, parsed)
        values = {one.key_or_group: one.value() for one in parsed if _is_value(one)}
        checked, plain_needs = self._checked.get(shape, (None, {}))
        if checked and all(
            key in plain_needs and _is_plain(one) and plain_needs[key].fits(one) for key, one in values.items()
        ):
            written, resolved = (_with(content, values) for content in (checked.written, checked.resolved))
            return checked._replace(written=written, resolved=resolved)
        cfg, hydra = self._composed(overrides, shape, values)
        resolved = check(cfg, overrides, self._written.get(shape))
        one = _Checked(plain(cfg, resolve=False), resolved, hydra, run_folder(cfg) if is_worker(cfg) else "")
        if not one.worker and "task" not in one.written:
            self._checked[shape] = one, _independent(one)
        return one

    def _composed(
        self, overrides: Sequence[str], shape: Shape, values: Mapping[str, Any]
    ) -> tuple[DictConfig, DictConfig]:
        """The configuration without Hydra's node, and that node."""
        if shape not in self._known:
            self._known[shape] = halves = _halves(self._compose(list(shape[0])))
            if shape[0] == choices(shape[0]):  # as the YAML files have it, which check need not compose again
                self._written[shape] = dict(flatten(plain(halves[0], resolve=False)))
        cfg, hydra = self._known[shape]  # whose values are those of another run, all of which are now set anew
        if any(isinstance(value, dict) for value in values.values()):  # would be merged with another run's
            self._known.pop(shape)
        try:
            for key, value in values.items():
                OmegaConf.update(cfg, key, value)
        except OmegaConfBaseException:  # no such key: Hydra says so as it does of a single run
            return _halves(self._compose(list(overrides)))
        return cfg, hydra


def _independent(one: _Checked) -> dict[str, Need]:
    """The keys whose values nothing else depends on, neither another value nor another check, and what they need."""
    taken = " ".join(value for _, value in flatten(one.written) if isinstance(value, str) and "${" in value)
    words = set(re.findall(r"\w+", taken))
    needs = ((key, need) for key, _, need in needed(one.resolved) if need is not None and not need.node)
    return {
        key: need for key, need in needs if key.split(".")[0] not in CROSSED and words.isdisjoint(key.split(".")[-1:])
    }


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float)


def _with(content: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with other values; what holds none of them is shared."""
    content = dict(content)
    for key, value in values.items():
        node = content
        *places, last = key.split(".")
        for place in places:
            node[place] = dict(node[place])
            node = node[place]
        node[last] = value
    return content


def _parse(text: str) -> Override:
    return parser().parse_overrides([text])[0]


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
