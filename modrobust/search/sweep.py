"""A search as a sweep: the trials of step one are launched, the best is fixed, the trials of step two are launched."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from modrobust.config.identity import fingerprint, identity, plain
from modrobust.config.keys import unknown_option
from modrobust.config.options import options
from modrobust.config.values import check_values
from modrobust.errors import UserError
from modrobust.search.recipe import in_effect
from modrobust.search.record import SETTLED, Record, state_of
from modrobust.search.steps import Step, overrides_of, steps_of
from modrobust.store.provenance import code_version
from modrobust.sweep.plan import Compose, Planned, plan
from modrobust.sweep.status import statuses

log = logging.getLogger(__name__)

Launch = Callable[[list[list[str]]], object]
"""Does runs, each given by its overrides. May raise UserError where some are not done at the end."""


@dataclass
class Search:
    """The search of one dataset, method and whatever else the command line says.

    Attributes:
        overrides: of all its trials.
        about_search: overrides of the node `search`, which workers need.
        steps: what is tried.
        record: its folder.
        settings: the node `search`.
    """

    overrides: list[str]
    about_search: list[str]
    steps: list[Step]
    record: Record
    settings: dict[str, Any]

    def jobs(self, step: Step, compose: Compose, runs: Path) -> list[Planned]:
        """What must be run for a step: all trials of a grid, or workers that find their trials themselves."""
        later = self.steps[self.steps.index(step) + 1 :]
        unused = {key: values[0] for one in later for key, values in one.values.items()}  # whatever the recipe has
        common = [*self.overrides, f"seed={self.settings['seed']}", *step.overrides]
        common += overrides_of(unused | self.record.fixed(step.name))
        if self.settings["kind"] == "tpe":
            place = [f"search.folder={self.record.folder.relative_to(runs)}", f"search.step={step.name}"]
            workers = [f"search.worker={number}" for number in range(self.settings["workers"])]
            return plan([[*common, *self.about_search, *place, worker] for worker in workers], compose, runs)
        trials = step.grid()
        planned = plan([[*common, *overrides_of(values)] for values in trials], compose, runs)
        self.record.add(step.name, list(zip(trials, (run.folder for run in planned), strict=True)))
        return planned

    def tell(self, step: Step) -> None:
        """Tell what a step has found. Raises UserError where none was finished."""
        best, tried = self.record.best(step.name), self.record.tried(step.name)
        if best is None:
            raise UserError(f"{self.record.folder}: all {len(tried)} trials of step {step.name} diverged.")
        log.info(
            "%s: %s, the best of %d (%s %.4g)",
            self.record.folder.parent.name,
            " ".join(overrides_of(best.values)),
            len(tried),
            step.score.replace("_", " "),
            best.score,
        )


def search(
    combinations: Sequence[Sequence[str]], given: Sequence[str], compose: Compose, launch: Launch, runs: Path
) -> list[Record]:
    """Search for every combination of a command line's choices, all of them step by step together.

    Args:
        combinations: the overrides of each search; those of `search` are among them.
        given: the command line.
        compose: makes a configuration from overrides.
        launch: does runs.
        runs: the folder of all runs.

    Returns:
        The records of finished searches; none where trials are still queued or running.

    Raises:
        UserError: a search is not well defined; or trials are not done, though none is queued or running.
    """
    searches = [begin(overrides, given, compose, runs) for overrides in combinations]
    for number in range(max(len(one.steps) for one in searches)):
        now = [(one, one.steps[number]) for one in searches if number < len(one.steps)]
        planned = [run for one, step in now for run in one.jobs(step, compose, runs)]
        if not _finish(planned, launch, runs):
            return []
        for one, step in now:
            one.tell(step)
    return [one.record for one in searches]


def begin(overrides: Sequence[str], given: Sequence[str], compose: Compose, runs: Path) -> Search:
    """One search: its steps, and its folder, which stands for all that its trials have in common."""
    about_search = [text for text in overrides if text.startswith(("search=", "search.", "search/"))]
    others = [text for text in overrides if text not in about_search]
    cfg = compose(list(overrides))
    choices = cfg.hydra.runtime.choices
    dataset, method = choices["dataset"], choices["method"]
    if not any(text.startswith("search/steps") for text in about_search):
        if method not in options("search/steps"):
            raise UserError(unknown_option("search/steps", method, options("search/steps")))
        about_search.append(f"search/steps={method}")
        cfg = compose([*others, *about_search])
    settings = plain(cfg.search)
    _check(settings)
    steps = steps_of(settings)
    record = Record(_folder(cfg, settings, steps, runs), runs)
    recipe = in_effect(f"{dataset}_{method}", [text for text in others if text.startswith(("method.", "training."))])
    about = {"dataset": dataset, "method": method, "model": cfg.model.name, "kind": settings["kind"]}
    about |= {"seed": settings["seed"], "command": " ".join(["modrobust -m", *given]), "recipe": recipe}
    record.begin({**about, **code_version()}, steps)
    return Search(others, about_search, steps, record, settings)


def _check(settings: dict[str, Any]) -> None:
    check_values({"search": settings})
    if settings["kind"] == "tpe" and find_spec("optuna") is None:
        raise UserError("search=tpe needs optuna: pip install optuna.")


def _folder(cfg: DictConfig, settings: dict[str, Any], steps: Sequence[Step], runs: Path) -> Path:
    content = identity(cfg)
    content.pop("seed")
    for key in (key for step in steps for key in step.values):
        *places, last = key.split(".")
        reduce(dict.__getitem__, places, content).pop(last, None)
    what = [[step.name, step.values, step.overrides, step.score, step.corruptions] for step in steps]
    digest = fingerprint([content, settings["kind"], settings["seed"], what])
    dataset, method, model = (content[group]["name"] for group in ("dataset", "method", "model"))
    return runs / dataset / f"{method}-{model}" / f"search-{digest}"


def _finish(planned: Sequence[Planned], launch: Launch, runs: Path) -> bool:
    """Launch what is not settled; whether all is then. A trial that diverged is settled."""
    todo = [run for run in planned if not _settled(run)]
    error = None
    if todo:
        try:
            launch([list(run.overrides) for run in todo])
        except UserError as raised:  # perhaps only because trials diverged
            error = raised
    left = [run for run in todo if not _settled(run)]
    if not left:
        return True
    if any(status.alive for status in statuses([run.folder for run in left], runs).values()):
        log.info("%d jobs are queued or running: the same command goes on with the search.", len(left))
        return False
    raise error or UserError(f"{len(left)} of {len(planned)} trials are not done; the same command tries them again.")


def _settled(run: Planned) -> bool:
    return state_of(run.folder) in SETTLED
