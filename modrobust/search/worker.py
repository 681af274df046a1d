"""A worker of search=tpe: takes trials from the search's journal, one after the other, until there are enough."""

import logging
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState

from modrobust.config.explain import explain
from modrobust.config.identity import plain, run_folder
from modrobust.errors import Pruned
from modrobust.search.pruning import Watch
from modrobust.search.record import Record, journal
from modrobust.search.space import suggest
from modrobust.search.steps import SCORES, Step, Values, overrides_of, seeds_of, steps_of
from modrobust.search.trial import SETTLED, state_of
from modrobust.search.trial import Trial as Ended
from modrobust.search.trial import trial as ended
from modrobust.search.warm import take_over
from modrobust.seeds import derive
from modrobust.store.files import read_json, write_json
from modrobust.store.lock import Lock, Timeout
from modrobust.store.run_folder import RunFolder

log = logging.getLogger(__name__)


class Taken(NamedTuple):
    """A trial that a worker has taken: its number, its values, and whether an earlier attempt began it."""

    number: int
    values: Values
    begun: bool


def serve(cfg: DictConfig, folder: Path, work_once: Callable[..., None]) -> None:
    """Do trials until the step has enough; what an earlier attempt, or a worker that died, left is gone on with.

    A trial that fails is kept as failed, with its line in its run's status.json, and the next one is taken.

    Args:
        cfg: the worker's configuration.
        folder: its own, <search>/<step>-<trials>/worker-<number>.
        work_once: does a run in a folder, given its configuration, the folder, and what is told its learning curves.

    Raises:
        UserError: another process is at work on the same run.
    """
    step = next(step for step in steps_of(plain(cfg.search)) if step.name == cfg.search.step)
    mine, place = RunFolder(folder, cfg), Record.at(folder.parent.parent)
    if mine.done:
        log.info("This worker is done already.")
        return
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with mine:
        storage = JournalStorage(JournalFileBackend(str(journal(place, step.name))))
        direction = StudyDirection.MAXIMIZE if SCORES[step.score] is max else StudyDirection.MINIMIZE
        study = optuna.create_study(storage=storage, study_name=step.name, direction=direction, load_if_exists=True)
        if cfg.search.get("pruner") is not None:  # jobs of older versions have no such keys
            study.pruner = instantiate(cfg.search.pruner)
        if cfg.search.get("warm_start"):
            with Lock(place.folder / ".journal.lock"):
                take_over(study, step, place, cfg)
        while (taken := _take(study, step, folder, cfg)) is not None:
            trials = [configured(cfg, taken.values, seed) for seed in seeds_of(plain(cfg.search))]
            runs = [place.runs / run_folder(trial) for trial in trials]
            place.add(step.name, [(taken.values, runs)], number=taken.number)
            watch = Watch(study, taken.number, step.score, cfg.training.epochs) if cfg.search.get("pruner") else None
            for number, (trial, run) in enumerate(zip(trials, runs, strict=True)):
                if not (taken.begun and state_of(run) in SETTLED):  # its worker may have died after its end
                    hopeless = None
                    if watch and number:
                        hopeless = watch.between(ended(taken.values, runs[:number], step.score, step.corruptions))
                    _do(trial, run, partial(work_once, watch=watch or _unseen), hopeless)
                if state_of(run) != "done":
                    break
            _tell(study, taken, ended(taken.values, runs, step.score, step.corruptions), step.score)
            place.write_table()


def _do(trial: DictConfig, run: Path, work_once: Callable[..., None], hopeless: str | None) -> None:
    """A trial's run of one seed; it is not trained where the seeds before are hopeless."""
    try:
        with suppress(Pruned):  # the run's status has it
            if hopeless and state_of(run) != "done":
                with RunFolder(run, trial):
                    raise Pruned(hopeless)
            work_once(trial, run)
    except Exception as error:
        _keep_failure(run, error)


def _unseen(row: dict[str, Any]) -> None:
    """Where nothing is pruned."""


def configured(cfg: DictConfig, values: Values, seed: int) -> DictConfig:
    """The configuration of a trial, from that of its worker, which has all but the trial's own values and seed."""
    trial = deepcopy(cfg)
    with open_dict(trial):
        trial.search, trial.seed = None, seed
    for key, value in values.items():
        OmegaConf.update(trial, key, value)
    return trial


def _keep_failure(run: Path, error: Exception) -> None:
    """See that a failed run's folder says so, also where it failed before it took the folder."""
    content = read_json(run / "status.json") or {}
    if content.get("state") == "running":  # by another process
        raise error
    if content.get("state") != "failed":
        line = explain(error, []) or f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        run.mkdir(parents=True, exist_ok=True)
        write_json(run / "status.json", {**content, "state": "failed", "error": line})


def _tell(study: optuna.Study, taken: Taken, trial: Ended, score: str) -> None:
    """Tell the journal, and people, how a trial ended."""
    what = f"trial {taken.number}, {' '.join(overrides_of(taken.values))}"
    if trial.state == "pruned":
        log.info("%s: pruned: %s", what, trial.error)
        study.tell(taken.number, state=TrialState.PRUNED)
    elif trial.score is None:
        log.warning("%s: failed: %s", what, trial.error)
        study.tell(taken.number, state=TrialState.FAIL)
    else:
        log.info("%s: %s %.5g", what, score, trial.score)
        study.tell(taken.number, trial.score)


def _take(study: optuna.Study, step: Step, folder: Path, cfg: DictConfig) -> Taken | None:
    """A trial that nobody works on, or a new one; None where there are enough."""
    with Lock(folder.parent.parent / ".journal.lock"):
        trials = study.get_trials(deepcopy=False)
        left = [one for one in trials if one.state == TrialState.RUNNING and _is_free(one.user_attrs, folder)]
        if left:
            trial = Trial(study, left[0]._trial_id)
        elif sum("warm" not in one.user_attrs for one in trials) < cfg.search.trials:
            seed = derive(cfg.seed, step.name, len(trials)) % 2**32  # not the sampler's state, which a kill would lose
            study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
            trial = study.ask()
        else:
            return None
        values = {key: suggest(trial, key, of, OmegaConf.select(cfg, key)) for key, of in step.values.items()}
        trial.set_user_attr("worker", str(folder))
        return Taken(trial.number, values, bool(left))


def _is_free(attributes: dict[str, Any], mine: Path) -> bool:
    """Whether a trial's worker is this one, of an earlier attempt, or one that has ended or died."""
    if attributes.get("worker") in (None, str(mine)):
        return True
    lock = Lock(Path(attributes["worker"]) / ".lock")
    try:
        with lock.acquire(timeout=0):
            return True
    except Timeout:
        return False
