"""How much of the true structure is found, for logits made by hand."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from structures import images, network, vectors
from torch import nn

from modrobust.dataset.structure import Structure, StructuredDataset
from modrobust.model.found import found, selected
from modrobust.model.modular_network import ModularNetwork
from modrobust.model.selection import known_choice, known_inputs

Layers = dict[str, Sequence[Sequence[int]]]

TRUE: Layers = {"0": [(0, 1), (2, 3), (4, 5)], "1": [(0, 1), (1, 2)], "outputs": [(0, 1)]}
TRUE_OF_IMAGES: Layers = {
    "images": [(0,), (1,)],
    "0": [(0, 3), (1, 4), (2, 5)],
    "1": [(0, 1), (1, 2)],
    "outputs": [(0, 1)],
}


def set_choices(modules: nn.ModuleDict, layer: str, choices: Sequence[Any]) -> None:
    """Of replica 1; replica 0 stays as it is."""
    values = modules[layer].values
    assert isinstance(values, torch.Tensor)
    several = isinstance(choices[0], Sequence)
    n = values.shape[-2]
    values.data[1] = known_inputs(choices, n) if several else known_choice(choices, n)


def found_by(
    dataset: StructuredDataset, layers: Layers, slots: dict[str, Sequence[int]] | None = None, **changes: Any
) -> dict[str, int]:
    """What is found of a network with these inputs, and these modules in its slots, in the second of two replicas."""
    model = "modular" if slots is None else "shared_modular"
    net = network(model, dataset, 3, 4, **changes)
    assert isinstance(net, ModularNetwork) and isinstance(dataset.structure, Structure)
    for layer, choices in layers.items():
        set_choices(net.inputs, layer, choices)
    for layer, modules in (slots or {}).items():
        set_choices(net.locations, layer, modules)
    first, second = found(net, dataset.structure, [30, 40])
    assert (first["seed"], second.pop("seed")) == (30, 40)
    assert first["modules"] < first["modules_true"]  # it has random routing
    return second


def result(inputs: int, modules: int, outputs: int, true: tuple[int, int] = (10, 5), **slots: int) -> dict[str, int]:
    every = {"inputs": inputs, "inputs_true": true[0], "modules": modules, "modules_true": true[1]}
    return {**every, "outputs": outputs, "outputs_true": 2, **slots}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, result(10, 5, 2)),
        # the modules' inputs in another order
        ({"0": [(1, 0), (3, 2), (5, 4)], "1": [(1, 0), (2, 1)]}, result(10, 5, 2)),
        # the modules of a layer in another order, and what is above follows them
        ({"0": [(4, 5), (0, 1), (2, 3)], "1": [(1, 2), (2, 0)]}, result(10, 5, 2)),
        ({"1": [(1, 2), (0, 1)], "outputs": [(1, 0)]}, result(10, 5, 2)),
        ({"0": [(2, 3), (4, 5), (0, 1)], "1": [(0, 1), (2, 0)], "outputs": [(1, 0)]}, result(10, 5, 2)),
        # what is above does not follow
        ({"0": [(4, 5), (0, 1), (2, 3)]}, result(9, 4, 0)),
        ({"1": [(1, 2), (0, 1)]}, result(10, 5, 0)),
        # one wrong input; a module twice; nothing right above
        ({"0": [(0, 1), (2, 4), (3, 5)]}, result(8, 3, 2)),
        ({"0": [(0, 1), (0, 1), (4, 5)]}, result(8, 4, 2)),
        ({"1": [(0, 2), (0, 2)]}, result(8, 3, 2)),
    ],
)
def test_boolean_modules_are_found_in_any_order(changed: Layers, expected: dict[str, int]) -> None:
    assert found_by(vectors(), {**TRUE, **changed}) == expected


@pytest.mark.parametrize(
    ("slots", "n"),
    [
        ({"0": [0, 0, 0], "1": [1, 1]}, 5),
        ({"0": [1, 1, 1], "1": [0, 0]}, 5),  # modules have no order, either
        ({"0": [0, 0, 1], "1": [1, 1]}, 4),
        ({"0": [0, 0, 0], "1": [0, 0]}, 3),
        ({"0": [0, 0, 1], "1": [0, 1]}, 3),
    ],
)
def test_slots_with_the_right_modules(slots: dict[str, Sequence[int]], n: int) -> None:
    assert found_by(vectors(), TRUE, slots) == result(10, 5, 2, slots=n, slots_true=5)


def test_slots_follow_the_order_of_their_modules() -> None:
    """In [6,3,3,2,2], where a layer has the same modules only by chance."""
    dataset = vectors("[6, 3, 3, 2, 2]")
    layers: Layers = {
        **{"0": [(0, 1), (2, 3), (4, 5)], "1": [(0, 1), (1, 2), (0, 2)]},
        **{"2": [(0, 2), (1, 2)], "outputs": [(0, 1)]},
    }
    right = {"0": [2, 2, 2], "1": [0, 0, 0], "2": [1, 1]}
    assert found_by(dataset, layers, right) == result(16, 8, 2, (16, 8), slots=8, slots_true=8)
    layers |= {"1": [(0, 2), (0, 1), (1, 2)], "2": [(0, 1), (0, 2)]}
    assert found_by(dataset, layers, {**right, "1": [0, 1, 0]}) == result(16, 8, 2, (16, 8), slots=7, slots_true=8)


OF_IMAGES = (12, 7)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, result(12, 7, 2, OF_IMAGES)),
        ({"images": [(1,), (0,)]}, result(12, 7, 2, OF_IMAGES)),  # the layer above takes one of each all the same
        ({"0": [(4, 2), (5, 1), (0, 3)]}, result(12, 7, 2, OF_IMAGES)),  # outputs of an image module in any order
        ({"0": [(0, 1), (3, 4), (2, 5)]}, result(10, 5, 2, OF_IMAGES)),  # two of the same image
        ({"images": [(0,), (0,)]}, result(11, 6, 2, OF_IMAGES)),
        ({"outputs": [(1, 0)]}, result(12, 7, 0, OF_IMAGES)),
    ],
)
def test_modules_of_pairs_of_images(changed: Layers, expected: dict[str, int]) -> None:
    assert found_by(images(), {**TRUE_OF_IMAGES, **changed}) == expected


def test_image_modules_and_others_are_renamed_apart() -> None:
    slots = {"images": [1, 1], "0": [1, 1, 1], "1": [0, 0]}
    every = found_by(images(), TRUE_OF_IMAGES, slots, num_shared_image_modules=2)
    assert every == result(12, 7, 2, OF_IMAGES, slots=7, slots_true=7)
    slots = {"images": [0, 1], "0": [1, 1, 0], "1": [0, 0]}
    every = found_by(images(), TRUE_OF_IMAGES, slots, num_shared_image_modules=2)
    assert every == result(12, 7, 2, OF_IMAGES, slots=5, slots_true=7)


def test_outputs_of_all_layers_are_right_where_they_are_those_of_the_last() -> None:
    from_all = found_by(vectors(), {**TRUE, "outputs": [(3, 4)]}, outputs_from="all")
    assert from_all == result(10, 5, 2)
    assert found_by(vectors(), {**TRUE, "outputs": [(0, 4)]}, outputs_from="all") == result(10, 5, 1)


@pytest.mark.parametrize(
    ("num_modules", "layers", "expected"),
    [
        ([2, 2], {"0": [(1,), (2,)], "1": [(0,), (1,)]}, result(4, 0, 2)),
        ([4, 3], {"0": [(1, 2), *TRUE["0"]], "1": [(2, 3), (0, 2), (1, 2)], "outputs": [(2, 0)]}, result(10, 5, 2)),
        ([3], {"0": TRUE["0"], "outputs": [(0, 1)]}, result(6, 3, 0)),
        ([3, 2, 2], {**TRUE, "2": [(0, 1), (0, 1)]}, result(10, 5, 0)),
    ],
)
def test_networks_of_other_sizes_can_be_compared(
    num_modules: list[int], layers: Layers, expected: dict[str, int]
) -> None:
    slots = {str(layer): [0] * n for layer, n in enumerate(num_modules)}
    top_k = len(layers["0"][0])
    assert found_by(vectors(), layers, num_modules=num_modules, top_k=top_k) == expected
    if len(num_modules) > 1:
        assert found_by(vectors(), layers, slots, num_modules=num_modules, top_k=top_k)["slots_true"] == 5


def test_known_routing_is_found_and_listed() -> None:
    net = network("shared_modular_known", vectors(), 0)
    assert isinstance(net, ModularNetwork) and vectors().structure is not None
    assert found(net, vectors().structure, [0]) == [{"seed": 0, **result(10, 5, 2, slots=5, slots_true=5)}]
    rows = [(row["layer"], row["place"], row["inputs"], row["module"]) for row in selected(net, [0])]
    assert rows == [
        *[("0", 0, "0 1", 0), ("0", 1, "2 3", 0), ("0", 2, "4 5", 0)],
        *[("1", 0, "0 1", 1), ("1", 1, "1 2", 1), ("outputs", 0, "0 1", "")],
    ]


def test_routing_has_a_row_for_each_seed_task_and_place() -> None:
    rows = selected(network("modular", vectors("multi_task_b"), 0, 1), [5, 6])
    assert len(rows) == 2 * 2 * (6 + 4 + 1)
    assert {(row["seed"], row["task"]) for row in rows} == {(5, 0), (5, 1), (6, 0), (6, 1)}
    assert all(len(set(row["inputs"].split())) == 2 and row["learned"] and row["module"] == "" for row in rows)
