"""A search as a sweep: the trials of step one are launched, the best is fixed, the trials of step two are launched."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modrobust.errors import NotDone, UserError
from modrobust.search.begin import begin, told_apart
from modrobust.search.deaths import count_deaths
from modrobust.search.record import FILE, Record
from modrobust.search.search import Search
from modrobust.search.steps import Step
from modrobust.sweep.plan import Compose, Planned
from modrobust.sweep.status import statuses

log = logging.getLogger(__name__)

Launch = Callable[[list[list[str]]], object]
"""Does runs, each given by its overrides. May raise NotDone where some are not done at the end."""


@dataclass
class Turn:
    """One step of one search, which is launched together with those of the others.

    Attributes:
        search: one of those of the command.
        step: the one whose turn it is.
        jobs: what is launched for it (see `Search.jobs`).
    """

    search: Search
    step: Step
    jobs: list[Planned]

    @property
    def folders(self) -> list[Path]:
        """Of the jobs."""
        return [run.folder for run in self.jobs]


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
        UserError: a search is not well defined, or the launcher refuses.
        NotDone: trials are not done, though none is queued or running; or all trials of a step failed.
    """
    searches = [begin(overrides, given, compose, runs) for overrides in combinations]
    _refuse_twice(searches, combinations)
    new = [one.record for one in searches if not (one.record.folder / FILE).exists()]
    for line in filter(None, map(told_apart, searches)):
        log.info(line)
    for one in searches:
        one.begin()
    number = 0
    try:
        for number in range(max(len(one.steps) for one in searches)):
            turns = [
                Turn(one, step, one.jobs(step, compose)) for one in searches for step in one.steps[number : number + 1]
            ]
            if not _finish(turns, launch, runs):
                return []
            for turn in turns:
                turn.search.tell(turn.step)
    except NotDone:
        raise
    except UserError:  # what the launcher says, before anything is launched
        for record in new if number == 0 else []:
            record.discard()
        raise
    finally:
        for one in searches:
            if (one.record.folder / FILE).exists():
                one.record.write_table()
    return [one.record for one in searches]


def _refuse_twice(searches: Sequence[Search], combinations: Sequence[Sequence[str]]) -> None:
    """Refuse a choice that makes no other search, such as that of a device."""
    known: dict[Path, Sequence[str]] = {}
    for one, overrides in zip(searches, combinations, strict=True):
        if first := known.get(one.record.folder):
            raise UserError(f"'{' '.join(first)}' and '{' '.join(overrides)}' are the same search.")
        known[one.record.folder] = overrides


def _finish(turns: Sequence[Turn], launch: Launch, runs: Path) -> bool:
    """Launch what is left of some steps, again where trials died; whether all trials have ended then.

    Raises:
        NotDone: trials are not done, though nothing is queued or running any more.
    """
    first, error = True, None
    _count_deaths(turns, runs, launched=False)
    while jobs := [run for turn in turns for run in turn.search.left(turn.step, turn.jobs, first)]:
        first, error = False, None
        try:
            launch([list(run.overrides) for run in jobs])
        except NotDone as raised:  # perhaps only because trials failed
            error = raised
        waiting = [turn for turn in turns if not turn.search.complete(turn.step)]
        found = statuses([folder for turn in waiting for folder in turn.folders], runs)
        alive = sum(status.alive for status in found.values())
        if alive:
            log.info("%d jobs are queued or running: the same command goes on with the search.", alive)
            return False
        if waiting and not _count_deaths(waiting, runs, launched=True):
            reasons = [status.error for status in found.values() if status.error]
            raise NotDone(_unfinished(waiting, reasons)) from error
    return True


def _count_deaths(turns: Sequence[Turn], runs: Path, launched: bool) -> bool:
    """Whether a trial that has died is to be tried again, or is settled by now (see `deaths.count_deaths`)."""
    again = [count_deaths(t.folders, [one.run for one in t.search.open(t.step)], runs, launched) for t in turns]
    return any(again) or all(turn.search.complete(turn.step) for turn in turns)


def _unfinished(turns: Sequence[Turn], reasons: Sequence[str]) -> str:
    """The message for trials that are not done."""
    told = []
    for turn in turns:
        settings, step, record = turn.search.settings, turn.step, turn.search.record
        number = settings["trials"] if turn.search.sampled else len(step.grid())
        ended = sum(trial.settled for trial in record.tried(step.name))
        told.append(f"{record.folder}, step {step.name}: {number - ended} of {number} trials are not done")
    why = f" ({reasons[0]})" if reasons else ""
    return f"{'; '.join(told)}{why}; the same command tries them again."
