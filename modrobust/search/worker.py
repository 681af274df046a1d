"""A worker of search=tpe: takes trials from the search's journal, one after the other, until there are enough."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState

from modrobust.config.identity import fingerprint, plain, run_folder
from modrobust.errors import Diverged
from modrobust.search import record
from modrobust.search.record import Record
from modrobust.search.steps import SCORES, Step, Values, overrides_of, steps_of
from modrobust.seeds import derive
from modrobust.store.run_folder import Run

log = logging.getLogger(__name__)


def serve(cfg: DictConfig, folder: Path, work_once: Callable[[DictConfig, Path], None]) -> None:
    """Do trials until the step has enough; what an earlier attempt, or a worker that died, left is gone on with.

    Args:
        cfg: the worker's configuration.
        folder: its own, <search>/<step>-<trials>/worker-<number>.
        work_once: does a run in a folder.

    Raises:
        UserError: a trial cannot be run; it stays open, and the same command tries it again. One that diverged is kept
            as failed.
    """
    step = next(step for step in steps_of(plain(cfg.search)) if step.name == cfg.search.step)
    mine, place = Run(folder, cfg), Record.at(folder.parent.parent)
    if mine.done:
        log.info("This worker is done already.")
        return
    overrides = [text for text in HydraConfig.get().overrides.task if not text.startswith("search")]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with mine:
        journal = JournalStorage(
            JournalFileBackend(str(place.folder / f"{step.name}-{fingerprint(place.fixed(step.name))}.journal"))
        )
        direction = StudyDirection.MAXIMIZE if SCORES[step.score] is max else StudyDirection.MINIMIZE
        study = optuna.create_study(storage=journal, study_name=step.name, direction=direction, load_if_exists=True)
        while (taken := _take(study, step, folder, cfg)) is not None:
            number, values = taken
            wanted = compose("config", overrides=[*overrides, *overrides_of(values)])
            run = place.runs / run_folder(wanted)
            place.add(step.name, [(values, run)])
            try:
                work_once(wanted, run)
            except Diverged as error:
                log.warning("trial %d, %s: failed: %s", number, " ".join(overrides_of(values)), error)
                study.tell(number, state=TrialState.FAIL)
                continue
            score = record.trial(values, run, step.score, step.corruptions).score
            log.info("trial %d, %s: %s %.5g", number, " ".join(overrides_of(values)), step.score, score)
            study.tell(number, score)


def _take(study: optuna.Study, step: Step, folder: Path, cfg: DictConfig) -> tuple[int, Values] | None:
    """A trial that nobody works on, or a new one: its number and values; None where there are enough."""
    with FileLock(folder.parent.parent / ".journal.lock"):
        trials = study.get_trials(deepcopy=False)
        left = [one for one in trials if one.state == TrialState.RUNNING and _is_free(one.user_attrs, folder)]
        if left:
            trial = Trial(study, left[0]._trial_id)
        elif len(trials) < cfg.search.trials:
            seed = derive(cfg.seed, step.name, len(trials)) % 2**32  # not the sampler's state, which a kill would lose
            study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
            trial = study.ask()
        else:
            return None
        values = {key: _suggest(trial, key, of) for key, of in step.values.items()}
        trial.set_user_attr("worker", str(folder))
        return trial.number, values


def _is_free(attributes: dict[str, Any], mine: Path) -> bool:
    """Whether a trial's worker is this one, of an earlier attempt, or one that has ended or died."""
    if attributes.get("worker") in (None, str(mine)):
        return True
    lock = FileLock(Path(attributes["worker"]) / ".lock")
    try:
        with lock.acquire(timeout=0):
            return True
    except Timeout:
        return False


def _suggest(trial: Trial, key: str, values: list[Any]) -> Any:
    """Between the ends of positive numbers, on a logarithmic scale, four digits; else one of the values."""
    if len(values) > 1 and all(isinstance(value, int | float) and value > 0 for value in values):
        if all(isinstance(value, int) for value in values):
            return trial.suggest_int(key, min(values), max(values), log=True)
        return float(f"{trial.suggest_float(key, min(values), max(values), log=True):.4g}")
    return trial.suggest_categorical(key, values)
