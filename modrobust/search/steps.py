"""What a search tries, step by step: the values of some keys, and how a trial is scored."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modrobust.config.keys import flatten
from modrobust.config.need import Need, choice, many, name, text, text_of
from modrobust.config.typed import same, typed
from modrobust.errors import UserError, nearest

SCORES = {"accuracy": max, "valid_loss": min}
"""How trials are compared: which is the better one."""

Values = dict[str, Any]
"""What a trial sets: keys with dots, and their values."""

_NEEDS = {
    "values": Need(
        "keys of the configuration, each with a list of values, such as {method: {lr: [1e-1, 1e-2]}},",
        lambda x: isinstance(x, Mapping) and len(x) > 0,
    ),
    "overrides": Need(
        "a list of what makes a run a trial, such as [evaluation.split=valid],", many(text, empty=True).fits
    ),
    "score": Need("one objective, accuracy or valid_loss,", choice(*SCORES).fits, choices=tuple(SCORES)),
    "corruptions": Need(
        "a list of 0 (Identity) and 1 (a corruption alone), for a search must not look at compositions,",
        lambda x: isinstance(x, list) and all(one in (0, 1) and not isinstance(one, bool) for one in x),
    ),
}
"""The keys of a step; all must be there, but corruptions only where the score is accuracy."""


@dataclass(frozen=True)
class Step:
    """One step of a search; what it chooses is fixed in the next.

    Attributes:
        name: of the step.
        values: for each key, with dots, the values of the grid; a sampler draws between the ends.
        overrides: what makes a run a trial.
        score: accuracy (percent, of results.csv) or valid_loss (of the parts, each one's best).
        corruptions: numbers of corruptions whose compositions count in the accuracy: 0 for Identity, 1.
    """

    name: str
    values: dict[str, list[Any]]
    overrides: list[str]
    score: str
    corruptions: list[int]

    def grid(self) -> list[Values]:
        """Every combination of the values, the last key's changing fastest."""
        return [dict(zip(self.values, some, strict=True)) for some in itertools.product(*self.values.values())]


def steps_of(search: Mapping[str, Any]) -> list[Step]:
    """The steps of a configuration's node `search`, as plain containers.

    Raises:
        UserError: there are none; or one lacks a key, has one that does not exist, has a value twice, looks at
            compositions of two or more corruptions, or is scored by something that does not exist.
    """
    steps = search.get("steps") or {}
    if not isinstance(steps, Mapping):
        raise UserError(f"search.steps={text_of(steps)}: names of steps are needed, each with {', '.join(_NEEDS)}.")
    found = [_step(str(key), content) for key, content in steps.items()]
    if not found:
        raise UserError("search.steps is empty: choose one of conf/search/steps/, such as search/steps=modules.")
    return found


def _step(title: str, content: Any) -> Step:
    place = f"search.steps.{title}"
    if not name.fits(title):  # it is part of the names of files
        raise UserError(f"search.steps: a step is called '{title}': {name.words} is needed.")
    if not isinstance(content, Mapping):
        raise UserError(f"{place}={text_of(content)}: the keys {', '.join(_NEEDS)} are needed.")
    for key, value in content.items():
        if key not in _NEEDS:
            near = nearest(str(key), _NEEDS)
            raise UserError(f"There is no key '{place}.{key}'.{near} Keys of a step: {', '.join(_NEEDS)}.")
        if not _NEEDS[key].fits(value):
            raise UserError(_NEEDS[key].message(f"{place}.{key}", value))
    for key, need in _NEEDS.items():
        if key not in content and (key != "corruptions" or content["score"] == "accuracy"):
            raise UserError(f"{place} has no '{key}': {need.words} is needed.")
    corruptions = list(content.get("corruptions", []))
    if content["score"] == "accuracy" and not corruptions:
        raise UserError(_NEEDS["corruptions"].message(f"{place}.corruptions", corruptions))
    return Step(title, _values(content["values"], place), list(content["overrides"]), content["score"], corruptions)


def _values(content: Mapping[Any, Any], place: str) -> dict[str, list[Any]]:
    values = {key: value for key, value in flatten(content) if not (isinstance(value, Mapping) and value)}
    for key, some in values.items():
        if not isinstance(some, list) or not some:
            raise UserError(f"{place}.values.{key}={text_of(some)}: a list of values is needed, such as [1e-1,1e-2].")
        for one, other in itertools.combinations(some, 2):
            if same(one, other):
                raise UserError(f"{place}.values.{key}={text_of(some)}: {text_of(other)} is there twice.")
    return values


def seeds_of(search: Mapping[str, Any]) -> list[int]:
    """The seeds of a configuration's node `search`: each trial is a run of each of them."""
    seed = search["seed"]
    return [seed] if isinstance(seed, int) else list(seed)


def is_number(value: Any) -> bool:
    """Whether it is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def overrides_of(values: Values) -> list[str]:
    """A trial's values as people type them."""
    return [f"{key}={_text(value)}" for key, value in values.items()]


def _text(value: Any) -> str:
    """A value in Hydra's grammar; text that the grammar would take for something else is quoted."""
    if isinstance(value, str):
        if re.fullmatch(r"[\w./+-]+", value) and typed(value) == value:
            return value
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, Sequence):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{_text(one)}' for key, one in value.items())}}}"
    return text_of(value)
