"""Pictures of a hyper-parameter search, by Optuna: history, parallel coordinates, importance of what was searched."""

import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modrobust.config.need import text_of
from modrobust.report.figures.look import save
from modrobust.report.say import say
from modrobust.search.record import Record
from modrobust.search.steps import SCORES, is_number
from modrobust.search.trial import Trial

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution


def write_search(record: Record, folder: Path | None = None, prefix: str = "") -> Iterator[Path]:
    """Write <step>_history, _coordinates and _importance (.pdf and .png) of a search, and yield the paths.

    Those that Optuna cannot draw are left out, such as the importance of a single key.

    Args:
        record: of the search.
        folder: where to; None: the search's own.
        prefix: what their names begin with.
    """
    if not _can_draw():
        return
    import optuna  # a second, for those who have it
    from matplotlib import pyplot
    from optuna.importance import FanovaImportanceEvaluator
    from optuna.visualization import matplotlib as plots

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kinds: dict[str, Callable[..., Any]] = {
        "history": plots.plot_optimization_history,
        "coordinates": plots.plot_parallel_coordinate,
        "importance": partial(plots.plot_param_importances, evaluator=FanovaImportanceEvaluator(seed=0)),
    }
    before = pyplot.get_backend()
    pyplot.switch_backend("agg")
    for step, spec in record.content["steps"].items():
        study = study_of([trial for trial in record.tried(step) if trial.settled], spec["score"])
        keys = {key for trial in study.trials for key in trial.params}
        done = sum(trial.state == optuna.trial.TrialState.COMPLETE for trial in study.trials)
        for name, plot in kinds.items():
            if done < 2 or (len(keys) < 2 and name != "history"):
                continue
            label = {} if name == "importance" else {"target_name": spec["score"].replace("_", " ")}
            with pyplot.rc_context(), warnings.catch_warnings():  # Optuna sets a style, and says that it may change
                warnings.simplefilter("ignore")
                try:
                    figure = plot(study, **label).figure
                except (ValueError, RuntimeError) as error:  # such as equal scores
                    say(f"{step}_{name} is left out: {error}")
                    continue
            with pyplot.rc_context({"savefig.bbox": "tight"}):  # or names of keys would be cut off
                paths = list(save(figure, (folder or record.folder) / f"{prefix}{step}_{name}"))
            yield from paths
            pyplot.close(figure)
    pyplot.switch_backend(before)


@cache
def _can_draw() -> bool:
    """Whether optuna is installed; that it is not is said once."""
    if find_spec("optuna") is None:
        say("pictures of searches need optuna: pip install optuna.")
        return False
    return True


def study_of(trials: list[Trial], score: str) -> "Study":
    """Trials of a step, of whatever kind of search, as Optuna has them."""
    import optuna

    study = optuna.create_study(direction="maximize" if SCORES[score] is max else "minimize")
    keys = list(dict.fromkeys(key for trial in trials for key in trial.values))
    spaces = {key: _space([trial.values.get(key) for trial in trials]) for key in keys}
    states = {"done": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}
    for one in trials:
        params = {key: value if is_number(value) else text_of(value) for key, value in one.values.items()}
        state = states.get(one.state, optuna.trial.TrialState.FAIL)
        study.add_trial(optuna.trial.create_trial(params=params, distributions=spaces, value=one.score, state=state))
    return study


def _space(values: list[Any]) -> "BaseDistribution":
    """Numbers have a scale, a logarithmic one where they differ much; all else is a choice."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if all(map(is_number, values)):
        low, high = min(values), max(values)
        return FloatDistribution(low, high, log=0 < 10 * low <= high)
    return CategoricalDistribution(list(dict.fromkeys(text_of(value) for value in values)))
