"""The search for the level of each corruption: every level is tried, the best validation accuracy wins."""

import logging
from collections.abc import Callable, Iterable

from modrobust.method.experiment import Experiment

log = logging.getLogger(__name__)


def choose_levels(
    experiment: Experiment, names: Iterable[str], lowest: int, accuracy: Callable[[str, int], float]
) -> dict[str, int]:
    """The best level of each corruption; of equally good ones the lowest.

    What every level reached is kept in the experiment's table `levels`.

    Args:
        names: corruptions.
        lowest: level to try first; the last one tried is the input of the classifier.
        accuracy: of a corruption at a level on the validation split, 0..1.
    """
    chosen: dict[str, int] = {}
    rows = []
    for name in names:
        tried = {level: accuracy(name, level) for level in range(lowest, experiment.probe().levels)}
        chosen[name] = max(tried, key=lambda level: (tried[level], -level))
        shown = " ".join(f"{level}:{100 * value:.1f}" for level, value in tried.items())
        log.info("%s: level %d, of validation accuracies (%%) %s", name, chosen[name], shown)
        for level, value in tried.items():
            row = {"corruption": name, "level": level, "valid_accuracy": 100 * value}
            rows.append({**row, "chosen": level == chosen[name]})
    experiment.tables["levels"] = rows
    return chosen
