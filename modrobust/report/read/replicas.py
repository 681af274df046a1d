"""Runs of equal settings and seeds that found different numbers: what else is recorded tells them apart.

The same run on other machines, versions of torch, devices or with other numbers of threads gives other bits.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from modrobust.errors import UserError
from modrobust.report.read.settings import Config, written

CONFIGURED = ("threads", "device", "cache_gb", "evaluation.batch_size")
"""Keys of config.yaml that are no settings, the likeliest reason first."""
RECORDED = ("torch", "cuda", "device_name", "python", "modrobust", "git_commit", "git_dirty", "host")
"""Keys of status.json: where a run was made."""

Known = Mapping[str, Mapping[str, str]]
"""A run's folder -> its circumstances."""


def circumstances(config: Config, status: Mapping[str, Any]) -> dict[str, str]:
    """Under which circumstances a run was made, as far as that is recorded, as text."""
    told = {key: config[key] for key in CONFIGURED if key in config}
    told |= {key: status[key] for key in RECORDED if status.get(key) is not None}
    return {key: written(value) for key, value in told.items()}


def told_apart(pairs: Iterable[tuple[str, str]], known: Known) -> tuple[list[str], list[tuple[str, str]]]:
    """The circumstances that tell runs apart.

    Args:
        pairs: folders of two runs each that should have found the same.
        known: their circumstances.

    Returns:
        Few keys, so that the runs of each pair differ in one; and the pairs in which nothing recorded differs.
    """
    keys, left = [], list(pairs)
    for key in (*CONFIGURED, *RECORDED):
        still = [(one, other) for one, other in left if known[one].get(key) == known[other].get(key)]
        if len(still) < len(left):
            keys.append(key)
            left = still
    return keys, left


def named(run: str, keys: Iterable[str], known: Known) -> str:
    """What a run's line is called by these circumstances, such as ``threads=2``; ``torch=unknown``."""
    return " ".join(f"{key}={known[run].get(key, 'unknown')}" for key in keys)


def different_runs(pair: Sequence[str], keys: Sequence[str], known: Known) -> str:
    """A line that says in what runs differ, with an example, and how to report only some."""
    one, other = pair
    return (
        f"runs of equal settings and seeds found different accuracies, for they differ in {', '.join(keys)}: "
        f"they stand in lines of their own. {one} has {named(one, keys, known)}, {other} {named(other, keys, known)}; "
        f"--only {keys[0]}={known[one].get(keys[0], 'unknown')} reports one kind."
    )


def chosen(told: Mapping[Path, Mapping[str, Any]], only: Iterable[str]) -> set[Path]:
    """The runs of which every condition holds.

    Args:
        told: keys and values of each run's config.yaml, with dots, and status.json.
        only: conditions such as ``threads=1``; numbers are equal however they are written.

    Raises:
        UserError: no run has such a key, or none of them this value.
    """
    kept = set(told)
    for condition in only:
        key, _, value = condition.partition("=")
        having = {run: written(told[run][key]) for run in kept if key in told[run]}
        if not having:
            keys = {key for run in told for key in told[run]}
            near = get_close_matches(key, keys, 1)
            raise UserError(f"--only {condition}: no run has {key}{f'; {near[0]} is meant?' if near else '.'}")
        kept = {run for run, text in having.items() if _equal(text, value)}
        if not kept:
            raise UserError(f"--only {condition}: no run; {key} is {', '.join(sorted(set(having.values())))}.")
    return kept


def _equal(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other
