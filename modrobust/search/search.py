"""One search: what must be run for each of its steps, and when a step is done."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from modrobust.config.identity import plain
from modrobust.config.need import text_of
from modrobust.corruption.composition import IDENTITY
from modrobust.errors import NotDone, UserError
from modrobust.search.data import refuse_other_data
from modrobust.search.record import Record, journal
from modrobust.search.steps import Step, Values, overrides_of, seeds_of
from modrobust.search.trial import Trial, state_of
from modrobust.sweep.plan import Compose, Planned, plan
from modrobust.sweep.status import statuses

log = logging.getLogger(__name__)

ENDED = ("done", "diverged", "failed")
"""States of a grid's trials that need not be done: one that another search gave up is."""


@dataclass
class Search:
    """The search of one dataset, method and whatever else the command line says.

    Attributes:
        overrides: of all its trials.
        about_search: overrides of the node `search`, which workers need.
        steps: what is tried.
        record: its folder.
        settings: the node `search`.
        about: what the record says of it.
        command: that asked for it.
    """

    overrides: list[str]
    about_search: list[str]
    steps: list[Step]
    record: Record
    settings: dict[str, Any]
    about: dict[str, Any]
    command: str

    @property
    def sampled(self) -> bool:
        """Whether workers find their trials themselves, in place of a grid."""
        return bool(self.settings["kind"] == "tpe")

    @property
    def seeds(self) -> list[int]:
        """Each trial is a run of each of them."""
        return seeds_of(self.settings)

    def _common(self, step: Step, fixed: Values, seed: int) -> list[str]:
        """The overrides of all trials of a step."""
        later = self.steps[self.steps.index(step) + 1 :]
        unused = {key: values[0] for one in later for key, values in one.values.items()}  # whatever the recipe has
        common = [*self.overrides, f"seed={seed}", *step.overrides]
        return [*common, *overrides_of(unused | fixed)]

    def check(self, compose: Compose) -> None:
        """Refuse steps with a trial that could not be run, or not be scored. Raises UserError."""
        fixed: Values = {}
        for step in self.steps:
            common = self._common(step, fixed, self.seeds[0])
            _check_score(step, compose([*common, *overrides_of(step.grid()[0])]))
            plan([[*common, *overrides_of(values)] for values in step.grid()], compose, self.record.runs)
            fixed |= step.grid()[0]

    def begin(self) -> None:
        """Write down what is searched."""
        self.record.begin(self.about, self.command, self.steps)

    def jobs(self, step: Step, compose: Compose) -> list[Planned]:
        """What is launched for a step: all trials of a grid, or workers that find their trials themselves.

        Raises:
            UserError: a trial is done with other data than is there now.
        """
        runs, fixed = self.record.runs, self.record.fixed(step.name)
        by_seed = [self._common(step, fixed, seed) for seed in self.seeds]
        trials, n = step.grid(), len(by_seed)
        if self.sampled:  # one may be drawn twice
            trials = [*{text_of(trial.values): trial.values for trial in self.record.tried(step.name)}.values()]
        planned = plan([[*common, *overrides_of(one)] for one in trials for common in by_seed], compose, runs)
        refuse_other_data(planned)
        if self.sampled:
            place = [f"search.folder={self.record.folder.relative_to(runs)}", f"search.step={step.name}"]
            workers = [f"search.worker={number}" for number in range(self.settings["workers"])]
            return plan([[*by_seed[0], *self.about_search, *place, worker] for worker in workers], compose, runs)
        folders = [run.folder for run in planned]
        self.record.add(step.name, [(one, folders[i * n : (i + 1) * n]) for i, one in enumerate(trials)])
        done = sum(trial.state in ENDED for trial in self.record.tried(step.name))
        log.info("step %s: %d trials, %d of them tried before", step.name, len(trials), done)
        return planned

    def left(self, step: Step, jobs: Sequence[Planned], first: bool) -> list[Planned]:
        """The jobs that have something to do.

        Args:
            step: now.
            jobs: see `jobs`.
            first: whether the command has not launched anything yet. Where every trial has failed, the reason may have
                been outside, such as data that were missing, and all of them are tried again, once a command.
        """
        tried = self.record.tried(step.name)
        again = first and self.complete(step) and all(trial.score is None for trial in tried)
        again = again and any(trial.state == "failed" for trial in tried)
        if again and self.sampled:
            journal(self.record, step.name).unlink(missing_ok=True)  # a new one draws the same values
        if self.complete(step) and not again:
            return []
        if self.sampled:
            self._forget_workers(jobs)
            return list(jobs)
        return [run for run in jobs if state_of(run.folder) not in (("done", "diverged") if again else ENDED)]

    def complete(self, step: Step) -> bool:
        """Whether all trials of a step have ended, whatever became of those who did them."""
        enough = self.record.count(step.name) >= (self.settings["trials"] if self.sampled else len(step.grid()))
        return enough and not self.open(step)

    def open(self, step: Step) -> list[Trial]:
        """The trials that have begun, or are to begin, and have not ended."""
        tried = self.record.tried(step.name)
        return [trial for trial in tried if not (trial.settled if self.sampled else trial.state in ENDED)]

    def _forget_workers(self, workers: Sequence[Planned]) -> None:
        """Let workers that have ended begin again: there is something left to do, perhaps with other values fixed."""
        found = statuses([worker.folder for worker in workers], self.record.runs)
        for worker in workers:
            if not found[worker.folder].alive:
                for name in ("status.json", "config.yaml"):
                    (worker.folder / name).unlink(missing_ok=True)

    def tell(self, step: Step) -> None:
        """Tell what a step has found. Raises NotDone where no trial ended well."""
        best, tried = self.record.best(step.name), self.record.tried(step.name)
        failed = [trial for trial in tried if trial.score is None]
        if best is None:
            states = {trial.state for trial in tried}
            what = f"{states.pop()}" if len(states) == 1 else "failed"
            why = "." if what == "diverged" else f": {failed[0].error}"
            raise NotDone(f"{self.record.folder}: all {len(tried)} trials of step {step.name} {what}{why}")
        log.info(
            "%s: %s, the best of %d (%s %.4g)",
            self.record.folder.parent.name,
            " ".join(overrides_of(best.values)),
            len(tried),
            step.score.replace("_", " "),
            best.score,
        )


def _check_score(step: Step, cfg: DictConfig) -> None:
    """Refuse trials that end without what they are scored by, or look at what no search may see."""
    place, evaluation = f"search.steps.{step.name}", plain(cfg.evaluation)
    if step.score != "accuracy":
        return
    if not cfg.evaluate:
        raise UserError(
            f"{place}.score=accuracy: the trials have evaluate=false; score=valid_loss needs no evaluation."
        )
    if evaluation.get("split", "valid") != "valid":
        raise UserError(f"{place}.overrides: evaluation.split=valid is needed; it is {evaluation['split']}.")
    if evaluation.get("compositions") is not None:
        lengths = {0 if one == IDENTITY else one.count("-") + 1 for one in evaluation["compositions"]}
    elif "max_length" in evaluation:
        longest = evaluation["max_length"]
        lengths = {0, 2} if longest is None else {0, longest}
        lengths -= set() if any(name != IDENTITY for name in cfg.corruption.names) else {1}
    else:  # bits
        lengths = {0}
    if max(lengths) > 1:
        raise UserError(f"{place}.overrides: evaluation.max_length=1 or 0 is needed, for no composition is looked at.")
    if not lengths & set(step.corruptions):
        raise UserError(
            f"{place}.corruptions={text_of(step.corruptions)}: the trials are tested on {text_of(sorted(lengths))}."
        )
