"""What run folders tell beside results: settings, states, what is not there yet."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from modrobust.report.read.find import Without
from modrobust.report.read.pending import pending
from modrobust.report.read.replicas import chosen, circumstances
from modrobust.report.read.settings import Config, configurations, overrides
from modrobust.report.say import say
from modrobust.store.files import read_json


@dataclass(frozen=True)
class Facts:
    """What some runs tell.

    Attributes:
        configs: of the runs that have a config.yaml (see `settings.configurations`).
        settings: of the same runs, in what they differ (see `settings.overrides`).
        statuses: of each run with results what status.json says; empty where there is none.
        waiting: runs without results (see `pending`).
    """

    configs: Mapping[Path, Config]
    settings: Mapping[Path, str]
    statuses: Mapping[Path, Mapping[str, Any]]
    waiting: pd.DataFrame

    @cached_property
    def num_classes(self) -> dict[Path, int | None]:
        """How many classes the data of each run with results has: as configured, else as found in the data."""
        found = {run: (status.get("data") or {}).get("num_classes") for run, status in self.statuses.items()}
        return {run: self.configs.get(run, {}).get("dataset.num_classes") or n for run, n in found.items()}

    @cached_property
    def known(self) -> dict[str, dict[str, str]]:
        """Under which circumstances each run with results was made (see `replicas.circumstances`)."""
        return {str(run): circumstances(self.configs.get(run, {}), status) for run, status in self.statuses.items()}


def collect(runs: Sequence[Path], without: Sequence[Without], only: Sequence[str] = ()) -> Facts:
    """Read what runs with and without results tell; what cannot be read is said, and then not known.

    Args:
        only: such as ``threads=1``: facts are of the runs of which this holds (see `replicas.chosen`).

    Raises:
        UserError: it holds of no run.
    """
    every = [*runs, *(one.run for one in without)]
    configs = configurations(every)
    if lacking := [run for run in runs if run not in configs and not (run / "config.yaml").exists()]:
        count, their = ("1 run has", "its") if len(lacking) == 1 else (f"{len(lacking)} runs have", "their")
        names = ", ".join(map(str, lacking[:3])) + (", ..." if len(lacking) > 3 else "")
        say(f"{count} no config.yaml, so that {their} settings are not known: {names}.")
    with ThreadPoolExecutor(16) as pool:
        statuses = dict(zip(runs, pool.map(_status, runs), strict=True))
    if only:
        told = {run: {**configs.get(run, {}), **statuses.get(run, {})} for run in every}
        kept = chosen(told, only)
        configs = {run: config for run, config in configs.items() if run in kept}
        statuses = {run: status for run, status in statuses.items() if run in kept}
        without = [one for one in without if one.run in kept]
    settings = overrides(configs)
    return Facts(configs, settings, statuses, pending(without, configs, settings))


def _status(run: Path) -> dict[str, Any]:
    """Results do not depend on it, so that a damaged one is only said."""
    path = run / "status.json"
    try:
        content = read_json(path)
    except OSError as error:
        say(f"{path} cannot be read: {error.strerror}.")
        return {}
    if content is None and path.exists():
        say(f"{path} is damaged: which code made this run, and where, is not known.")
    return content or {}
