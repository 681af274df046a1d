"""A warm start: finished runs that have all settings of a search's trials, but for those searched, become trials."""

import logging
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from optuna import Study
from optuna.trial import create_trial

from modrobust.config.identity import identity, place, plain
from modrobust.config.need import text_of
from modrobust.search.record import Record
from modrobust.search.space import distribution, placed
from modrobust.search.steps import Step, Values, seeds_of
from modrobust.search.trial import state_of, trial
from modrobust.store.data import data_changed
from modrobust.store.folders import status_of
from modrobust.store.stamp import stamp_of

log = logging.getLogger(__name__)


def take_over(study: Study, step: Step, record: Record, cfg: DictConfig) -> None:
    """Write finished runs into a step's journal and record; those that are there stay, and what was not drawn is said.

    Args:
        study: the journal.
        step: of the search.
        record: of the search.
        cfg: all that its trials have in common.
    """
    known = {one.runs for one in record.tried(step.name)}
    now = {key: OmegaConf.select(cfg, key) for key in step.values}
    spaces = {key: distribution(study, key, of, now[key]) for key, of in step.values.items()}
    taken = outside = 0
    for runs, values in _finished(cfg, step, record.folder.parent):
        if runs in known:
            continue
        params = {key: placed(value, spaces[key], step.values[key]) for key, value in values.items()}
        if any(params[key] is None and values[key] is not None for key in params):
            outside += 1
            continue
        score = trial(values, runs, step.score, step.corruptions).score
        study.add_trial(create_trial(params=params, distributions=spaces, value=score, user_attrs={"warm": True}))
        record.add(step.name, [(values, runs)], warm=True)
        taken += 1
    if taken or cfg.search.worker == 0:  # else another worker has told it
        log.info("warm start: %d finished runs are trials now; %d lie outside of what is searched", taken, outside)


def _finished(cfg: DictConfig, step: Step, folder: Path) -> Iterator[tuple[tuple[Path, ...], Values]]:
    """Finished runs that differ from the trials in nothing but the searched keys, of all seeds, and their values.

    Those whose data may be other than is there now are passed over.
    """
    asked, _ = _apart(cfg, step)
    stamp = lru_cache(stamp_of)  # the runs share their data
    by_seed: list[dict[str, tuple[Path, Values]]] = []
    for seed in seeds_of(plain(cfg.search)):
        by_seed.append({})
        for run in sorted(folder.glob(f"seed{seed}-*")):
            if state_of(run) == "done" and not data_changed(status_of(run), place(cfg), stamp=stamp):
                found, values = _apart(OmegaConf.load(run / "config.yaml"), step)  # type: ignore[arg-type]
                if found == {**asked, "seed": seed}:
                    by_seed[-1][text_of(values)] = run, values
    for text, (_, values) in by_seed[0].items():
        if all(text in runs for runs in by_seed):
            yield tuple(runs[text][0] for runs in by_seed), values


def _apart(cfg: DictConfig, step: Step) -> tuple[dict[str, Any], Values]:
    content, values = identity(cfg), {}
    for key in step.values:
        *sections, last = key.split(".")
        node = content
        for section in sections:
            node = node.get(section, {})
        values[key] = node.pop(last, None)
    return content, values
