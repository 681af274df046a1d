"""The values of a configuration beside what `allowed` has for their keys."""

from collections.abc import Iterator, Mapping
from typing import Any

from modrobust.config.allowed import OF_CONFIG, OF_TARGET, Needs
from modrobust.config.need import Need, name
from modrobust.errors import UserError


def values(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Need | None]]:
    """Every key of a configuration with dots, its value, and what it needs; None where that is not known.

    Args:
        content: plain containers, interpolations resolved.
        prefix: the keys above, with a dot at their end.
    """
    yield from _below(content, prefix, OF_TARGET.get(content.get("_target_", ""), {}) if prefix else OF_CONFIG, "")


def _below(content: Mapping[str, Any], prefix: str, needs: Needs, place: str) -> Iterator[tuple[str, Any, Need | None]]:
    for key, value in content.items():
        if str(key).startswith("_"):  # Hydra's
            continue
        need = needs.get(f"{place}{key}") or (name if key == "name" and place == "" else None)
        if need is not None or not isinstance(value, Mapping):
            yield f"{prefix}{key}", value, need
        if isinstance(value, Mapping) and (need is None or need.node):
            if "_target_" in value:
                yield from values(value, f"{prefix}{key}.")
            else:
                yield from _below(value, f"{prefix}{key}.", needs, f"{place}{key}.")
        for i, one in enumerate(value) if isinstance(value, list) else ():
            if isinstance(one, Mapping) and "_target_" in one:
                yield from values(one, f"{prefix}{key}[{i}].")


def mistakes(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The keys whose values are not what they need, and the message for each. Args: see `values`."""
    found = values(content, prefix)
    return [(key, need.message(key, value)) for key, value, need in found if need is not None and not need.fits(value)]


def check_values(content: Mapping[str, Any], prefix: str = "") -> None:
    """Refuse the first value that is not what its key needs. Args: see `values`. Raises UserError."""
    for _, message in mistakes(content, prefix):
        raise UserError(message)
