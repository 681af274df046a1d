"""What run folders tell beside results: settings, states, what is not there yet."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from modrobust.report.read.find import Without
from modrobust.report.read.pending import pending
from modrobust.report.read.settings import Config, configurations, overrides
from modrobust.store.files import read_json


@dataclass(frozen=True)
class Facts:
    """What some runs tell.

    Attributes:
        configs: of the runs that have a config.yaml (see `settings.configurations`).
        settings: of the same runs, in what they differ (see `settings.overrides`).
        statuses: what status.json says; empty where there is none.
        waiting: runs without results (see `pending`).
    """

    configs: Mapping[Path, Config]
    settings: Mapping[Path, str]
    statuses: Mapping[Path, Mapping[str, Any]]
    waiting: pd.DataFrame


def collect(runs: Sequence[Path], without: Sequence[Without]) -> Facts:
    """Read what runs with and without results tell.

    Raises:
        UserError: a config.yaml cannot be read.
    """
    every = [*runs, *(one.run for one in without)]
    configs = configurations(run for run in every if (run / "config.yaml").exists())
    settings = overrides(configs)
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda run: read_json(run / "status.json") or {}, runs))
    return Facts(configs, settings, dict(zip(runs, statuses, strict=True)), pending(without, configs, settings))
