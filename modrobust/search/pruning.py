"""Hopeless trials end early: one of Optuna's pruners is asked after epochs and seeds, with the curves of all trials."""

from collections.abc import Mapping
from copy import deepcopy
from statistics import fmean
from typing import Any

from optuna import Study
from optuna.trial import Trial

from modrobust.errors import Pruned
from modrobust.search.trial import Trial as Ended
from modrobust.search.trial import epochs_of

MOST = 100
"""So many values of a part are told at most: each is a line of the journal."""


class Watch:
    """Is given the rows of a trial's learning curves, from the first on in every attempt, and may end the trial.

    The journal's steps are epochs, counted through the parts in the order in which the method trains them, which is the
    same in all trials, and through its seeds, with a step more between them. A trial is compared by the part that is
    being trained alone, with others of the same seed, and between seeds by the mean score of those that are done.
    """

    def __init__(self, study: Study, trial: int, score: str, epochs: int) -> None:
        """Nothing is seen yet.

        Args:
            study: the journal, with its pruner.
            trial: its number.
            score: accuracy (percent, on the validation split; where a part has none, its negative loss), or valid_loss.
            epochs: of a part.
        """
        self.study, self.score, self.every = study, score, -(-epochs // MOST)
        self.id = study.get_trials(deepcopy=False)[trial]._trial_id
        self.part, self.step, self.begun = "", 0, 0

    def between(self, before: Ended) -> str | None:
        """Begin another seed, and see the trial as those before have left it: what is wrong, where it is hopeless."""
        self.part, self.step = "", sum(epochs_of(run) + 1 for run in before.runs)
        self.begun = self.step - 1
        mean, n = fmean(before.scores), len(before.scores)
        if not self._is_hopeless(mean):
            return None
        what = "in its first seed" if n == 1 else f"the mean of its first {n} seeds"
        return f"{mean:.4g}, {what}: other trials were better by then"

    def __call__(self, row: Mapping[str, Any]) -> None:
        """See an epoch's row. Raises Pruned where the trial is hopeless."""
        if row["part"] != self.part:
            self.part, self.begun = row["part"], self.step
        self.step += 1
        if row["epoch"] % self.every == 0 and self._is_hopeless(self._value(row)):
            what = f"{abs(self._value(row)):.4g} in validation, epoch {row['epoch']} of {self.part}"
            raise Pruned(f"{what}: other trials were better by then")

    def _is_hopeless(self, value: float) -> bool:
        """Tell the journal a value, and ask the pruner, which sees no other part of the trial."""
        if self.step not in self.study._storage.get_trial(self.id).intermediate_values:  # an earlier attempt told it
            Trial(self.study, self.id).report(value, self.step)
        trial = deepcopy(self.study._storage.get_trial(self.id))
        told = trial.intermediate_values.items()
        trial.intermediate_values = {step: value for step, value in told if self.begun < step <= self.step}
        return self.study.pruner.prune(self.study, trial)

    def _value(self, row: Mapping[str, Any]) -> float:
        if self.score == "valid_loss":
            return float(row["valid_loss"])
        return 100 * float(row["valid_accuracy"]) if "valid_accuracy" in row else -float(row["valid_loss"])
