"""What a sampler may draw for a key: a number between two ends, or one of some values."""

from collections.abc import Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

from modrobust.config.need import text_of
from modrobust.search.steps import is_number


def distribution(study: Study, key: str, values: Sequence[Any], now: Any) -> BaseDistribution:
    """Where the values of a key are drawn.

    Numbers are drawn between the smallest and the greatest: on a logarithmic scale where all are positive, else on a
    linear one; whole ones where the key's value now is whole, too. Of anything else one is chosen.

    Args:
        study: a journal goes on as it began, though what the key says now may be another kind of number.
        key: with dots.
        values: of the grid.
        now: the key's value without the search.
    """
    trials = study.get_trials(deepcopy=False)
    before = next((one.distributions[key] for one in trials if key in one.distributions), None)
    if isinstance(before, CategoricalDistribution):
        return before
    if len(values) == 1 or not all(map(is_number, values)):
        return CategoricalDistribution(list(_by_choice(values)))
    low, high = min(values), max(values)
    whole = all(isinstance(value, int) for value in values)
    if whole and (isinstance(before, IntDistribution) if before else isinstance(now, int)):
        return IntDistribution(low, high, log=low > 0)
    return FloatDistribution(low, high, log=low > 0)


def suggest(trial: Trial, key: str, values: list[Any], now: Any) -> Any:
    """A value of a key for a trial, which asks the sampler; numbers have four digits. Args: see `distribution`."""
    among = distribution(trial.study, key, values, now)
    if isinstance(among, CategoricalDistribution):
        choice = trial.suggest_categorical(key, among.choices)
        return _by_choice(values).get(choice, choice)
    if isinstance(among, IntDistribution):
        return trial.suggest_int(key, among.low, among.high, log=among.log)
    assert isinstance(among, FloatDistribution)
    return float(f"{trial.suggest_float(key, among.low, among.high, log=among.log):.4g}")


def placed(value: Any, among: BaseDistribution, values: Sequence[Any]) -> Any:
    """How a journal writes a value that was not drawn; None where it could not have been, or is null."""
    if isinstance(among, CategoricalDistribution):
        return next((name for name, one in _by_choice(values).items() if text_of(one) == text_of(value)), None)
    assert isinstance(among, IntDistribution | FloatDistribution)
    fits = is_number(value) and among.low <= value <= among.high
    return value if fits and (isinstance(value, int) or isinstance(among, FloatDistribution)) else None


def _by_choice(values: Sequence[Any]) -> dict[Any, Any]:
    """Values by what stands for them in a journal, which holds no lists, and for which true equals 1."""
    scalars = all(value is None or isinstance(value, str | int | float) for value in values)
    scalars = scalars and len(set(values)) == len(values)
    return {value if scalars else text_of(value): value for value in values}
