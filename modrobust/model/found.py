"""What routing a network has, and how much of the true structure that is."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from modrobust.dataset.structure import Structure
from modrobust.model.modular_network import ModularNetwork
from modrobust.model.selection import Logits
from modrobust.model.structured import StructuredNetwork


def _chosen(logits: Logits, k: int) -> Tensor:
    """The k largest options of each column, int64 (R, tasks, columns, k)."""
    order = logits.values.detach().argsort(stable=True, dim=-2, descending=True)
    return order[:, :, :k].transpose(-1, -2).cpu()


def held(network: StructuredNetwork) -> dict[str, Tensor]:
    """By layer the inputs that each module takes, int64 (R, tasks, places, inputs), on the CPU (see `selected`)."""
    assert isinstance(network, ModularNetwork)
    found = {}
    for layer, logits in network.inputs.items():
        assert isinstance(logits, Logits)
        found[layer] = _chosen(logits, network.inputs_seen(layer))
    return found


def selected(network: StructuredNetwork, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """A row for each seed, task, layer and place: its inputs, and its module where modules are shared.

    Layers are numbered from 0; `images` are the image modules, `outputs` the network's outputs.
    """
    assert isinstance(network, ModularNetwork)
    rows = []
    for layer, logits in network.inputs.items():
        assert isinstance(logits, Logits)
        inputs = _chosen(logits, network.inputs_seen(layer))
        location = dict(network.locations.items()).get(layer)
        modules = _chosen(location, 1)[..., 0] if isinstance(location, Logits) else None
        for r, seed in enumerate(seeds):
            for task in range(inputs.shape[1]):
                for place in range(inputs.shape[2]):
                    text = " ".join(map(str, inputs[r, task, place].tolist()))
                    row = {"seed": seed, "task": task, "layer": layer, "place": place, "inputs": text}
                    row["module"] = "" if modules is None else int(modules[r, task, place])
                    rows.append({**row, "learned": logits.learned})
    return rows


def found(network: StructuredNetwork, structure: Structure, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """How much of the true structure each seed's network has, whatever the order of modules within a layer.

    A layer's modules are matched one to one with the true ones so that most inputs agree, layer by layer upwards. Of
    image modules' outputs, which may come in any order, it is the image that counts. A network of more or fewer layers
    than the true ones has no output at its place.

    Returns:
        A row for each seed: inputs, modules (with exactly the true inputs), outputs (selected at their place) and
        slots (with the module that their function has) found, and how many there are.
    """
    assert isinstance(network, ModularNetwork)
    return [{"seed": seed, **_found_by(network, structure, r)} for r, seed in enumerate(seeds)]


def _found_by(network: ModularNetwork, structure: Structure, replica: int) -> dict[str, int]:
    modules_true = [module for layer in structure.inputs for module in layer]
    n = {"inputs": 0, "inputs_true": sum(map(len, modules_true)), "modules": 0, "modules_true": len(modules_true)}
    here: dict[int, int] = {i: i for i in range(network.plan.shape[0])}  # places of a layer -> true places
    there = dict(here)  # true places of a layer -> what counts as equal
    functions: list[tuple[int, int, bool]] = []  # of matched slots: the module they have, the true function
    layers = (["images"] if network.plan.images else []) + [str(i) for i in range(len(network.plan.layers))]
    for layer, true_modules, true_functions in zip(layers, structure.inputs, structure.functions, strict=False):
        logits = network.inputs[layer]
        assert isinstance(logits, Logits)
        learned = _chosen(logits, network.inputs_seen(layer))[replica, 0].tolist()
        mine = [Counter(here.get(i, -1) for i in module) for module in learned]
        true = [Counter(there[i] for i in module) for module in true_modules]
        agree = np.array([[(a & b).total() for b in true] for a in mine])
        pairs = list(zip(*_matching(agree), strict=True))
        n["inputs"] += sum(int(agree[a, b]) for a, b in pairs)
        n["modules"] += sum(mine[a] == true[b] for a, b in pairs)
        if layer in network.locations:
            location = network.locations[layer]
            assert isinstance(location, Logits)
            slots = _chosen(location, 1)[replica, 0, :, 0].tolist()
            functions += [(slots[a], true_functions[b], layer == "images") for a, b in pairs]
        here, there = {int(a): int(b) for a, b in pairs}, {b: b for b in range(len(true))}
        if layer == "images":
            width = network.plan.image_outputs
            here = {width * a + j: b for a, b in here.items() for j in range(width)}
            there = {structure.image_outputs * b + j: b for b in there for j in range(structure.image_outputs)}
    outputs = network.inputs["outputs"]
    assert isinstance(outputs, Logits)
    choice = _chosen(outputs, network.plan.n_out)[replica, 0, 0].tolist()
    if network.plan.outputs_from == "all":  # only the last layer's have a true place
        choice = [place - sum(network.plan.layers[:-1]) for place in choice]
    if len(layers) != len(structure.inputs):  # the last layer's modules are others than the true last layer's
        here = {}
    n["outputs"] = sum(here.get(i) == b for i, b in zip(choice, structure.outputs, strict=True))
    n["outputs_true"] = len(structure.outputs)
    if functions:
        n["slots"] = sum(_matched([f[:2] for f in functions if f[2] is images]) for images in (False, True))
        n["slots_true"] = len(modules_true)
    return n


def _matched(pairs: list[tuple[int, int]]) -> int:
    """How many pairs agree under the best renaming of the first numbers to the second."""
    if not pairs:
        return 0
    count = np.zeros((1 + max(a for a, _ in pairs), 1 + max(b for _, b in pairs)), int)
    for a, b in pairs:
        count[a, b] += 1
    return int(count[_matching(count)].sum())


def _matching(agree: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns whose one to one matching agrees most."""
    from scipy.optimize import linear_sum_assignment  # half a second, for which most runs need not wait

    rows, columns = linear_sum_assignment(agree, maximize=True)
    return rows, columns
