"""What a sampler may draw for a key: a number between two ends, or one of some values."""

from typing import Any

from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import Trial

from modrobust.config.need import text_of


def suggest(trial: Trial, key: str, values: list[Any], now: Any) -> Any:
    """A value of a key for a trial.

    Numbers are drawn between the smallest and the greatest: on a logarithmic scale where all are positive, else on a
    linear one; whole ones where the key's value now is whole, too, else of four digits. Of anything else one is chosen.

    Args:
        trial: asks the sampler.
        key: with dots.
        values: of the grid.
        now: the key's value without the search.
    """
    trials = trial.study.get_trials(deepcopy=False)
    before = next((one.distributions[key] for one in trials if key in one.distributions), None)
    if isinstance(before, CategoricalDistribution) or len(values) == 1 or not all(map(_is_number, values)):
        scalars = all(value is None or isinstance(value, str | int | float) for value in values)
        scalars = scalars and len(set(values)) == len(values)  # true equals 1
        by_name = {value if scalars else text_of(value): value for value in values}
        choice = trial.suggest_categorical(key, getattr(before, "choices", list(by_name)))
        return by_name.get(choice, choice)
    low, high = min(values), max(values)
    whole = all(isinstance(value, int) for value in values)
    # A journal goes on as it began, though what the key says now may be another kind of number.
    if whole and (isinstance(before, IntDistribution) if before else isinstance(now, int)):
        return trial.suggest_int(key, low, high, log=low > 0)
    return float(f"{trial.suggest_float(key, low, high, log=low > 0):.4g}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
