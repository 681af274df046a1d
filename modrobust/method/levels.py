"""Levels of abstraction: where on a network a corruption is dealt with, as people write it in a configuration."""

from collections.abc import Iterable, Mapping
from typing import Any

from modrobust.errors import UserError, nearest
from modrobust.model.network import Network

Level = int | str
WORDS = {"penultimate": "the input of the classifier", "last": "the output of the last convolution"}


def levels_of(
    level: Level | Mapping[str, Level], names: Iterable[str], network: Network, lowest: int
) -> dict[str, int]:
    """The level of each corruption.

    Args:
        level: one for all, or a mapping from corruptions; a number, `penultimate` or `last` (see WORDS).
        names: the corruptions.
        network: whose levels they are.
        lowest: the lowest level allowed.

    Raises:
        UserError: there is no such level, or the mapping leaves a corruption out.
    """
    if not isinstance(level, Mapping):
        return {name: _number("method.level", level, network, lowest) for name in names}
    names = list(names)
    missing = [name for name in names if name not in level]
    if missing:
        raise UserError(f"method.level has no level for {', '.join(missing)}; it names {', '.join(map(str, level))}.")
    return {name: _number(f"method.level.{name}", level[name], network, lowest) for name in names}


def _number(key: str, level: Any, network: Network, lowest: int) -> int:
    if level == "penultimate":
        return network.levels - 1
    if level == "last":
        return network.after_convolutions
    if not isinstance(level, int) or isinstance(level, bool) or not lowest <= level < network.levels:
        blocks = ", ".join(network.block_names[lowest:])
        words = "".join(f", {word} ({meaning})" for word, meaning in WORDS.items())
        raise UserError(
            f"{key}={level}: allowed are {lowest}..{network.levels - 1}, the inputs of {blocks}{words}; "
            f"method.level=auto searches.{nearest(str(level), WORDS)}"
        )
    return level
