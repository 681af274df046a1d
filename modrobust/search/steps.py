"""What a search tries, step by step: the values of some keys, and how a trial is scored."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modrobust.config.keys import flatten
from modrobust.errors import UserError, nearest

SCORES = {"accuracy": max, "valid_loss": min}
"""How trials are compared: which is the better one."""

Values = dict[str, Any]
"""What a trial sets: keys with dots, and their values."""


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
        UserError: there are none, or one has no values, looks at compositions of two or more corruptions, or is scored
            by something that does not exist.
    """
    found = [_step(str(name), content) for name, content in (search.get("steps") or {}).items()]
    if not found:
        raise UserError("search.steps is empty: choose one of conf/search/steps/, such as search/steps=modules.")
    return found


def _step(name: str, content: Mapping[str, Any]) -> Step:
    place = f"search.steps.{name}"
    values = {key: value for key, value in flatten(content["values"]) if not isinstance(value, Mapping)}
    for key, value in values.items():
        if not isinstance(value, list) or not value:
            raise UserError(f"{place}.values.{key}={value}: a list of values is needed, such as [1e-1,1e-2].")
    if content["score"] not in SCORES:
        near = nearest(str(content["score"]), SCORES)
        raise UserError(
            f"{place}.score={content['score']}: there is no such score.{near} Allowed: {', '.join(SCORES)}."
        )
    corruptions = list(content.get("corruptions", []))
    if any(number not in (0, 1) for number in corruptions):
        raise UserError(f"{place}.corruptions={corruptions}: a search must not look at compositions; allowed are 0, 1.")
    return Step(name, values, list(content["overrides"]), content["score"], corruptions)


def overrides_of(values: Values) -> list[str]:
    """A trial's values as people type them."""
    return [f"{key}={_text(value)}" for key, value in values.items()]


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    return str(value).replace(" ", "") if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
