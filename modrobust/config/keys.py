"""The keys there are: a configuration as its YAML files have it, against which a given one is checked."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from hydra.core.override_parser.types import OverrideType
from omegaconf import OmegaConf

from modrobust.config.command import Found, found
from modrobust.config.need import text_of
from modrobust.config.typed import parser
from modrobust.config.values import values
from modrobust.errors import UserError, closest, nearest

_ROOT = ""
_READ_BY_NAME = (_ROOT, "training", "paths")  # other nodes go to objects, which know their parameters


def flatten(content: Mapping[Any, Any], prefix: str = _ROOT) -> Iterator[tuple[str, Any]]:
    """All keys with dots, nodes before what they hold, and their values."""
    for key, value in content.items():
        yield f"{prefix}{key}", value
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")


def written(overrides: Sequence[str]) -> Mapping[str, Any]:
    """Every key and value of the YAML files, with the options that a command line chooses but not its values."""
    return _composed(found(overrides), choices(overrides))


def choices(overrides: Sequence[str]) -> tuple[str, ...]:
    """Those of a command line's overrides that choose an option."""
    place = found(overrides)
    pairs = [text.partition("=") for text in overrides if "=" in text]
    chosen = [(key, value.split(",")[0]) for key, _, value in pairs]
    return tuple(f"{key}={value}" for key, value in chosen if value in place.options(key.lstrip("+")))


def only_sets_values(overrides: Sequence[str], content: Mapping[str, Any]) -> bool:
    """Whether a command line, beside the options it chooses, only gives values to keys whose needs are known.

    If so, all other values, and the keys that there are, are still those of the YAML files.

    Args:
        overrides: the command line.
        content: the configuration composed from it, as plain containers.
    """
    needed = {key for key, _, need in values(content) if need is not None and not need.node}
    options = choices(overrides)
    return all(
        one.type is OverrideType.CHANGE and one.key_or_group in needed and not isinstance(one.value(), dict)
        for one in parser().parse_overrides([text for text in overrides if text not in options])
    )


@lru_cache(maxsize=64)  # a tenth of a second each, shared by the runs of a sweep that differ only in values
def _composed(place: Found, choices: tuple[str, ...]) -> Mapping[str, Any]:
    content = OmegaConf.to_container(place.compose(choices))
    assert isinstance(content, dict)
    return dict(flatten(content))


def check_keys(content: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse keys that nothing reads, and the lack of one that is read.

    Args:
        content: a configuration as plain containers.
        known: see `written`.

    Raises:
        UserError: a key is unknown or missing.
    """
    for place in _READ_BY_NAME:
        node = content.get(place) if place else content
        prefix = f"{place}." if place else ""
        needed = _below(place, known)
        if not isinstance(node, Mapping):
            raise UserError(set_as_a_whole(f"{place}={text_of(node)}", place, known))
        if surplus := [str(key) for key in node if key not in needed]:
            raise UserError(unknown_key(f"{prefix}{surplus[0]}", known))
        if missing := [key for key in needed if key not in node]:
            raise UserError(f"The key '{prefix}{missing[0]}' is missing.")


def check_kinds(content: Mapping[Any, Any], known: Mapping[str, Any]) -> None:
    """Refuse values of another kind than the YAML files have, of keys that `values` doesn't know.

    Args:
        content: a configuration as plain containers, interpolations resolved.
        known: see `written`.

    Raises:
        UserError: the key, its value, and the kind that is needed.
    """
    for key, value, need in values(content):
        example = known.get(key)
        if need is not None:
            continue
        if isinstance(example, Mapping):
            raise UserError(set_as_a_whole(f"{key}={text_of(value)}", key, known))
        if value is None:
            continue
        if isinstance(example, bool):
            fits, kind = isinstance(value, bool), "true or false"
        elif isinstance(example, int | float):
            fits, kind = isinstance(value, int | float) and not isinstance(value, bool), "a number"
        elif isinstance(example, list):
            fits, kind = isinstance(value, list | dict), "a list"
        else:
            continue
        if not fits:
            such = "" if isinstance(example, bool) else f", such as {text_of(example)}"
            raise UserError(f"{key}={text_of(value)}: {kind} is needed{such}.")


def unknown_option(group: str, name: str, allowed: Sequence[str] = ()) -> str:
    """The message for an option that a group does not have."""
    allowed = allowed or found(()).options(group)
    return f"{group}={name}: there is no such {group}.{nearest(name, allowed)} Allowed: {', '.join(allowed)}."


def unknown_choice(overrides: Sequence[str]) -> str | None:
    """The message for the first choice of an option that does not exist; None where all exist."""
    place = found(overrides)
    for text in overrides:
        group, _, names = text.lstrip("+").partition("=")
        allowed = place.options(group) if names else ()
        for name in names.split(","):
            if allowed and name.replace("_", "").isalnum() and name not in allowed:
                return unknown_option(group, name, allowed)
    return None


def unknown_key(key: str, known: Mapping[str, Any]) -> str:
    """The message for a key that is not in the configuration: the nearest one, and those beside it."""
    candidates = [name for name in known if not key.startswith(f"{name}.") or not isinstance(known[name], Mapping)]
    by_last = {name.rpartition(".")[2]: name for name in reversed(candidates)}
    near = closest(key, candidates) or by_last.get(closest(key.rpartition(".")[2], by_last) or "")
    clause = f" Did you mean '{near}'?" if near else ""
    place = key
    while place and (place == key or not _below(place, known)):
        place = place.rpartition(".")[0]
    where = f"under '{place}'" if place else "at the top"
    return f"There is no key '{key}'.{clause} Keys {where}: {', '.join(_below(place, known))}."


def set_as_a_whole(given: str, place: str, known: Mapping[str, Any]) -> str:
    """The message for a value in the place of a node."""
    return f"{given}: it can't be set as a whole. Keys under '{place}': {', '.join(_below(place, known))}."


def _below(place: str, known: Mapping[str, Any]) -> list[str]:
    """The keys directly below a node, without Hydra's own such as _target_."""
    prefix = f"{place}." if place else ""
    keys = (name[len(prefix) :] for name in known if name.startswith(prefix))
    return sorted(key for key in keys if "." not in key and not key.startswith("_"))
