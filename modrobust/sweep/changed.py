"""Runs that are done, but with data whose files have changed since: they are looked at again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from modrobust.config.identity import place
from modrobust.store.data import data_changed
from modrobust.store.folders import status_of
from modrobust.store.stamp import stamp_of
from modrobust.sweep.plan import Planned
from modrobust.sweep.status import Status


def with_data(planned: Sequence[Planned], found: Mapping[Path, Status]) -> dict[Path, Status]:
    """How runs are doing, where those that are done with other files of data than are there now count as `changed`.

    Done again, such a run compares checksums: where the data is the same it is done from then on.

    Args:
        planned: the runs of a sweep.
        found: how they, and perhaps others, are doing.
    """
    done = [run for run in planned if run.resolved and found[run.folder].state == "done"]
    told = "it is done with other data than is there now: move it away, or give the new data another dataset.name"
    changed = {run.folder: replace(found[run.folder], state="changed", error=told) for run in of_other_data(done)}
    return {**found, **changed}


def of_other_data(done: Iterable[Planned]) -> list[Planned]:
    """Which finished runs have other files of data than are there now: a checksum of the data itself tells for sure."""
    stamp = lru_cache(stamp_of)  # the runs of a sweep share their data
    return [run for run in done if data_changed(status_of(run.folder), place(run.resolved), stamp=stamp)]
