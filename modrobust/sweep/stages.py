"""The stages of a sweep: what several of its runs share is trained first, by one job, and they wait for it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from modrobust.config.identity import folder_of, identity_of, kind_of
from modrobust.sweep.pieces import Piece
from modrobust.sweep.plan import Planned
from modrobust.sweep.status import Status, statuses

STAGES = ".stages"
"""Where their folders are, below that of all runs; reports pass it over."""
NO_LOGGER = {"name": "none", "_target_": "modrobust.logger.logger.Logger", "_partial_": True}


def staged(
    planned: Sequence[Planned], found: Mapping[Path, Status], runs: Path, split: bool
) -> tuple[list[Planned], list[Planned]]:
    """What is to be done, in order: the stages, then the runs that are neither done nor queued nor running.

    Args:
        planned: all runs of the sweep.
        found: how they are doing.
        runs: the folder of all runs.
        split: whether the pieces of one run, too, are stages where there are several.

    Returns:
        The stages that are to be done; the runs, which know what they wait for. What waits for a stage that is
        already queued or running, or for such a run, names it, too.
    """
    missing = [run for run in planned if not found[run.folder].alive and found[run.folder].state != "done"]
    needed = Counter(piece.key for run in missing for piece in run.pieces)
    trained = {piece.key for run in planned if found[run.folder].state == "done" for piece in run.pieces}
    held = {piece.key: run.folder for run in planned if found[run.folder].alive for piece in run.pieces}
    stages: dict[str, Planned] = {}
    for run in planned:  # those that are done, too: a stage's folder is the same whichever runs are left
        for piece in run.pieces:
            own = split and len(run.pieces) > 1 and not piece.rest
            shared = needed[piece.key] > 1 or (needed[piece.key] and (own or piece.key in held))
            if shared and piece.key not in trained and piece.key not in stages:
                stages[piece.key] = _stage(run, piece, runs)
    doing = statuses([stage.folder for stage in stages.values()], runs)
    places: dict[str, Path] = {}  # where the pieces are trained that are not yet
    for key, stage in stages.items():
        status = doing[stage.folder]
        if status.state != "done":
            places[key] = stage.folder if status.alive else held.get(key, stage.folder)
    left = {key: one for key, one in stages.items() if places.get(key) == one.folder and not doing[one.folder].alive}
    return [_waiting(one, places, key) for key, one in left.items()], [_waiting(run, places) for run in missing]


def _waiting(run: Planned, places: Mapping[str, Path], own: str = "") -> Planned:
    """The same, which waits for the pieces that it builds on; a stage's `own` is not one of them."""
    after = {piece.name: places[piece.key] for piece in run.pieces if piece.key in places and piece.key != own}
    return replace(run, after=after)


def _stage(run: Planned, piece: Piece, runs: Path) -> Planned:
    """The job that trains a piece of a run and nothing else."""
    content, resolved = (_to_train(piece, one) for one in (run.content, run.resolved))
    identity = identity_of(resolved)
    return replace(
        run,
        overrides=(f"{piece.name} of", *run.overrides),
        folder=runs / STAGES / folder_of(identity),
        content=content,
        resolved=resolved,
        pieces=(*(one for one in run.pieces if one.name in piece.after), piece),
        kind=kind_of(identity),
    )


def _to_train(piece: Piece, content: Mapping[str, Any]) -> dict[str, Any]:
    """A run's configuration, changed so that it trains a piece and tests nothing."""
    evaluation, corruption = dict(content["evaluation"]), {**content["corruption"], "names": list(piece.corruptions)}
    if "shard" in evaluation:
        evaluation["shard"] = "1/1"
    changed = {"corruption": corruption, "evaluation": evaluation, "method": dict(piece.method), "logger": NO_LOGGER}
    return {**content, **changed, "evaluate": False, "evaluations": [], "vis": False}
