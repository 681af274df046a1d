"""Layers of gates: every gate, the order of rows, and the structure, against the reference's routing."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modrobust.dataset.boolean import GRAPHS
from modrobust.dataset.gates import structure, truth_table
from modrobust.dataset.structure import Structure
from modrobust.errors import UserError

ROUTING = json.loads((Path(__file__).parents[1] / "golden/routing.json").read_text())
EXPECTED = {
    "and": lambda row: all(row),
    "or": lambda row: any(row),
    "xor": lambda row: sum(row) % 2 == 1,
    "nand": lambda row: not all(row),
    "nor": lambda row: not any(row),
    "xnor": lambda row: sum(row) % 2 == 0,
}


def lists(values: Any) -> Any:
    return [lists(value) for value in values] if isinstance(values, tuple) else values


@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_gate(name: str, width: int) -> None:
    places = range(1, width + 1)
    inputs, outputs = truth_table([[f"{name} {' '.join(map(str, places))}"]], width + 1)
    rows = list(product([0, 1], repeat=width + 1))
    assert inputs.dtype == outputs.dtype == np.float32
    assert inputs.tolist() == [list(row) for row in rows]
    assert outputs.tolist() == [[EXPECTED[name]([row[place] for place in places])] for row in rows]


def test_layers_take_the_one_before_and_outputs_are_the_whole_last_one() -> None:
    inputs, outputs = truth_table([["nand 0 1", "or 1 2"], ["xor 1 0", "and 0 1", "nor 0 1"]], 3)
    x0, x1, x2 = inputs.astype(bool).T
    a, b = ~(x0 & x1), x1 | x2
    assert np.array_equal(outputs.T, [a ^ b, a & b, ~(a | b)])


@pytest.mark.parametrize("graph", ["[6, 2, 2]", "[6, 3, 2, 2]", "[6, 3, 3, 2, 2]"])
def test_structure_is_the_routing_of_the_reference(graph: str) -> None:
    (layers,) = GRAPHS[graph]
    assert layers is not None
    found, golden = structure(layers), ROUTING[f"boolean{graph}"]
    assert [*lists(found.inputs), [list(found.outputs)]] == golden["module_input_indices"]
    assert lists(found.functions) == golden["slot_module_indices_shared_modules"]
    assert found.image_outputs == 0


def test_functions_are_numbered_by_name_and_number_of_inputs_within_a_layer() -> None:
    found = structure([["or 0 1", "and 0 1", "or 2 1", "or 0 1 2"], ["or 0 3", "and 3 1 0", "or 1 2"]])
    assert found == Structure(
        inputs=(((0, 1), (0, 1), (2, 1), (0, 1, 2)), ((0, 3), (3, 1, 0), (1, 2))),
        outputs=(0, 1, 2),
        functions=((0, 1, 0, 2), (3, 4, 3)),
    )


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], r"dataset.gates is \[\]: a list of layers is needed"),
        ("xor 0 1", "dataset.gates is xor 0 1: a list of layers"),
        ([["xor 0 1"], []], r"dataset.gates\[1\] is \[\]: a layer is a list of gates"),
        (["xor 0 1"], r"dataset.gates\[0\] is xor 0 1: a layer is a list"),
        ([["xor 0 1", "xr 0 1"]], r"dataset.gates\[0\]\[1\] is 'xr 0 1': allowed are .*nand.* Did you mean 'xor'\?"),
        ([[""]], r"dataset.gates\[0\]\[0\] is '': allowed are the gates and"),
        ([[None]], r"dataset.gates\[0\]\[0\] is 'None': allowed are the gates"),
        ([["xor 0"]], "is 'xor 0': a gate takes two or more different places of 0 to 2"),
        ([["xor 0 3"]], "is 'xor 0 3': .* 0 to 2"),
        ([["xor 0 -1"]], "is 'xor 0 -1'"),
        ([["xor 0 x"]], "is 'xor 0 x'"),
        ([["xor 1 1"]], "is 'xor 1 1': a gate takes two or more different"),
        ([["xor 0 1", "or 0 1"], ["and 0 2"]], r"dataset.gates\[1\]\[0\] is 'and 0 2': .* 0 to 1"),
    ],
)
def test_wrong_layers_are_named(layers: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        truth_table(layers, 3)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("n_inputs", [0, 17, 2.0, True, "3"])
def test_a_wrong_number_of_inputs_is_named(n_inputs: Any) -> None:
    with pytest.raises(UserError, match=f"dataset.inputs is {n_inputs}: allowed are whole numbers from 1 to 16"):
        truth_table([["xor 0 1"]], n_inputs)


def test_the_largest_table() -> None:
    inputs, outputs = truth_table([["xor 0 15"]], 16)
    assert inputs.shape == (65536, 16)
    assert outputs.sum() == 32768


def test_structure_checks_all_but_the_number_of_inputs() -> None:
    with pytest.raises(UserError, match="is 'and 0 2'"):
        structure([["xor 0 1", "or 0 1"], ["and 0 2"]])
