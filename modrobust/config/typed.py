"""Values as people type them, on a command line or in the table of a `per`."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydra.core.override_parser.overrides_parser import OverridesParser


@lru_cache(maxsize=1)  # a millisecond to make
def parser() -> "OverridesParser":
    """Of Hydra's command lines."""
    from hydra.core.override_parser.overrides_parser import OverridesParser  # reports do without Hydra

    return OverridesParser.create()


@lru_cache(maxsize=4096)  # a millisecond each, and in a sweep they are the same for all runs
def typed(text: str) -> Any:
    """What Hydra makes of a value on the command line: 1e-1, .1 and 0.10 are the same number.

    PyYAML would make a word of 1e-1, as YAML 1.1 does. What is no value of that grammar is text.
    """
    from hydra.errors import HydraException

    try:
        return parser().parse_override(f"key={text}").value()
    except HydraException:
        return text


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal however they were written; true is not 1."""
    one, other = (typed(value) if isinstance(value, str) else value for value in (one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
