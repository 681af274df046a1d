"""Truth tables, and their structure, from layers of named gates such as "xor 0 1"."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from modrobust.dataset.structure import Structure
from modrobust.errors import UserError, nearest

Layers = Sequence[Sequence[str]]

MAX_INPUTS = 16
GATES = {  # an operation on all inputs, and whether its result is negated
    "and": (np.logical_and, False),
    "or": (np.logical_or, False),
    "xor": (np.logical_xor, False),
    "nand": (np.logical_and, True),
    "nor": (np.logical_or, True),
    "xnor": (np.logical_xor, True),
}


class Gate(NamedTuple):
    """A gate's name, a key of `GATES`, and the places of its inputs in the layer before."""

    name: str
    places: tuple[int, ...]


def truth_table(layers: Layers, n_inputs: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The outputs of the last layer, all in order, for all inputs.

    Args:
        layers: gates of every layer, such as [["xor 0 1", "xor 2 3"], ["and 0 1"]]: names, then the places of
            their inputs in the layer before, two or more; of the first layer among the inputs.
        n_inputs: 1 to 16.

    Returns:
        Two float32 arrays of 0 and 1: inputs (2**n_inputs, n_inputs), in the order of itertools.product, input 0
        the slowest; outputs (2**n_inputs, gates of the last layer).

    Raises:
        UserError: no layers, an empty one, or a gate or a number of inputs that is not allowed.
    """
    inputs = all_inputs(n_inputs)
    outputs = inputs.astype(bool)
    for layer in _parsed(layers, n_inputs):
        outputs = np.stack([_compute(gate, outputs) for gate in layer], 1)
    return inputs, outputs.astype(np.float32)


def all_inputs(n_inputs: int) -> NDArray[np.float32]:
    """Every row of bits, float32 (2**n_inputs, n_inputs); see `truth_table`."""
    check_whole("inputs", n_inputs, 1, MAX_INPUTS)
    return np.indices((2,) * n_inputs).reshape(n_inputs, -1).T.astype(np.float32)


def structure(layers: Layers) -> Structure:
    """The true modules of layers of gates: every gate is one, and all of the last layer are outputs.

    Gates of a layer that have the same name and number of inputs are one function.

    Args:
        layers: see `truth_table`.

    Raises:
        UserError: as `truth_table`.
    """
    parsed = _parsed(layers, MAX_INPUTS)
    functions: list[tuple[int, ...]] = []
    numbered = 0
    for layer in parsed:
        kinds = [(gate.name, len(gate.places)) for gate in layer]
        number = {kind: numbered + i for i, kind in enumerate(dict.fromkeys(kinds))}
        functions.append(tuple(number[kind] for kind in kinds))
        numbered += len(number)
    return Structure(
        inputs=tuple(tuple(gate.places for gate in layer) for layer in parsed),
        outputs=tuple(range(len(parsed[-1]))),
        functions=tuple(functions),
    )


def check_whole(key: str, value: object, least: int, most: int, or_else: str = "") -> None:
    """Refuse what is not a whole number of a range. Raises UserError, which names the key of the dataset."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UserError(f"dataset.{key} is {value}: allowed are whole numbers from {least} to {most}{or_else}")


def _compute(gate: Gate, bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What a gate makes of all rows (N, D): bool (N,)."""
    operation, negated = GATES[gate.name]
    return operation.reduce(bits[:, gate.places], 1) ^ negated


def _parsed(layers: Layers, width: int) -> list[list[Gate]]:
    """All gates, checked; `width` is the number of inputs."""
    if isinstance(layers, str) or not isinstance(layers, Sequence) or not layers:
        raise UserError(f"dataset.gates is {layers}: a list of layers is needed, such as [[xor 0 1,xor 2 3],[and 0 1]]")
    parsed = []
    for i, layer in enumerate(layers):
        if isinstance(layer, str) or not isinstance(layer, Sequence) or not layer:
            raise UserError(f"dataset.gates[{i}] is {layer}: a layer is a list of gates, such as [xor 0 1,xor 2 3]")
        parsed.append([_gate(text, f"dataset.gates[{i}][{k}]", width) for k, text in enumerate(layer)])
        width = len(layer)
    return parsed


def _gate(text: str, key: str, width: int) -> Gate:
    """The gate that a text such as "xor 0 1" names; `width` is how many places there are."""
    name, *places = str(text).split() or [""]
    if name not in GATES:
        raise UserError(f"{key} is '{text}': allowed are the gates {', '.join(GATES)}.{nearest(name, GATES)}")
    allowed = {str(place) for place in range(width)}
    if len(places) < 2 or len(set(places)) < len(places) or not allowed.issuperset(places):
        raise UserError(f"{key} is '{text}': a gate takes two or more different places of 0 to {width - 1}")
    return Gate(name, tuple(map(int, places)))
