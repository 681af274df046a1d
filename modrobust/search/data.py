"""Trials that are done, but perhaps with other data than is there now: a search builds on none of them."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from modrobust.config.identity import fingerprint
from modrobust.store.folders import status_of
from modrobust.store.run_folder import RunFolder
from modrobust.sweep.changed import of_other_data
from modrobust.sweep.plan import Planned


def refuse_other_data(planned: Sequence[Planned]) -> None:
    """Compare checksums where files of data are not those that a trial is done with.

    Args:
        planned: the runs of trials.

    Raises:
        UserError: one is done with other data than is there now, or that can't be looked at.
    """
    known: dict[str, dict[str, Any]] = {}
    for run in of_other_data(run for run in planned if status_of(run.folder).get("state") == "done"):
        from modrobust.build import data_of  # imports torch
        from modrobust.dataset.record import record_of

        cfg, key = DictConfig(run.resolved), fingerprint(run.resolved["dataset"])
        known[key] = known.get(key) or record_of(data_of(cfg))
        RunFolder(run.folder, cfg).note_data(known[key])
