"""Every network for structured data against the golden values: outputs, gradients, training; parameter counts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from published import compare, published
from structures import images, network, vectors
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from modrobust.dataset.structure import StructuredDataset
from modrobust.model.dense import MlpNetwork, set_mask
from modrobust.model.modular_network import ModularNetwork
from modrobust.model.replicas import Cnns, Convolution, Linear, Mlps
from modrobust.model.selection import Logits, Sampling
from modrobust.model.structured import StructuredNetwork

GOLDEN = Path(__file__).parents[1] / "golden"
KNOWN = {"known_inputs": True}
ALL_KNOWN = {"known_inputs": True, "known_locations": True}
TWO_TASKS = vectors("multi_task_b")
MODELS: dict[str, tuple[str, StructuredDataset, dict[str, Any]]] = {
    "boolean_mlp": ("mlp", vectors(), {}),
    "boolean_mlp_pruned_50.0": ("mlp", vectors(), {}),
    "boolean_hm": ("modular", vectors(), {}),
    "boolean_hm_known": ("modular", vectors(), KNOWN),
    "boolean_sm": ("shared_modular", vectors(), {}),
    "boolean_sm_known": ("shared_modular", vectors(), ALL_KNOWN),
    "mis_hm_topk3": ("modular", vectors(), {"top_k": 3}),
    "mt_hm_2tasks": ("modular", TWO_TASKS, {}),
    "mnist_hm_cnn": ("modular", images(), {}),
    "mnist_sm_cnn_known": ("shared_modular", images(), ALL_KNOWN),
}


class Place(NamedTuple):
    """Where a tensor of the reference is: an entry of ours, transposed or not."""

    ours: Tensor
    index: tuple[int, ...]
    transposed: bool = False

    def of(self, tensor: Tensor) -> Tensor:
        """The entry of a tensor like ours, as the reference has it."""
        return tensor[self.index].T if self.transposed else tensor[self.index]


def tensors(module: nn.Module) -> tuple[Tensor, Tensor]:
    weight, bias = module.weight, module.bias
    assert isinstance(weight, Tensor) and isinstance(bias, Tensor)
    return weight, bias


def of_mlps(mlps: nn.Module, m: int, names: list[str]) -> Iterator[tuple[str, Place]]:
    assert isinstance(mlps, Mlps)
    for name, layer in zip(names, mlps.layers, strict=True):
        assert isinstance(layer, Linear)
        weight, bias = tensors(layer)
        yield f"{name}.weight", Place(weight, (0, m), True)
        yield f"{name}.bias", Place(bias, (0, m, 0))


def of_cnns(cnns: nn.Module, m: int, prefix: str) -> Iterator[tuple[str, Place]]:
    assert isinstance(cnns, Cnns)
    for i, convolution in enumerate(cnns.convolutions):
        assert isinstance(convolution, Convolution)
        weight, bias = tensors(convolution)
        yield f"{prefix}.conv_layers.{3 * i}.weight", Place(weight, (0, m))
        yield f"{prefix}.conv_layers.{3 * i}.bias", Place(bias, (0, m))
    yield from of_mlps(cnns.head, m, [f"{prefix}.output_heads"])


def of_modular(net: ModularNetwork) -> Iterator[tuple[str, Place]]:
    for i, (layer, logits) in enumerate(net.inputs.items()):
        assert isinstance(logits, Logits)
        yield f"module_inp_embeddings.{i}", Place(logits.values, (0,))
        if layer in net.locations:
            location = net.locations[layer]
            assert isinstance(location, Logits)
            yield f"module_loc_embeddings.{i}", Place(location.values, (0,))
    for name, bank in net.banks.items():
        prefix = {"images": "img_modules.cnns", "vectors": "module_mlps.mlps"}[name] if net.plan.shared else ""
        prefix = prefix or ("img_modules.0" if name == "images" else f"module_mlps.{name}")
        first = bank.head.layers[0] if isinstance(bank, Cnns) else bank.layers[0]  # type: ignore[union-attr,index]
        for m in range(tensors(first)[0].shape[1]):
            if isinstance(bank, Cnns):
                yield from of_cnns(bank, m, f"{prefix}.{m}")
            else:
                yield from of_mlps(bank, m, [f"{prefix}.{m}.layers.0", f"{prefix}.{m}.layers.2"])


def places(net: StructuredNetwork) -> dict[str, Place]:
    """Where the reference's tensors are, by its names."""
    if isinstance(net, MlpNetwork):
        return dict(of_mlps(net.mlps, 0, ["layers.0", "layers.2", "layers.4", "output_heads"]))
    assert isinstance(net, ModularNetwork)
    return dict(of_modular(net))


@published
@pytest.mark.parametrize("file", MODELS)
def test_outputs_gradients_and_training_are_the_published_ones(file: str) -> None:
    with np.load(GOLDEN / f"{file}.npz") as values:
        golden: dict[str, NDArray[Any]] = dict(values)
    model, dataset, changes = MODELS[file]
    net = network(model, dataset, **changes)
    mapping = places(net)
    assert {f"sd/{name}" for name in mapping} == {name for name in golden if name.startswith("sd/")}
    for logits in net.selections.values():
        if not logits.learned:  # before they are overwritten: they are ours
            name = next(name for name, place in mapping.items() if place.ours is logits.values)
            np.testing.assert_array_equal(logits.values[0], golden[f"sd/{name}"])
            logits.values.requires_grad_()
    with torch.no_grad():
        for name, place in mapping.items():
            place.of(place.ours).copy_(torch.from_numpy(golden[f"sd/{name}"]))
    if isinstance(net, MlpNetwork) and "mask_w/0" in golden:
        for i, layer in enumerate(net.mlps.layers):
            weight, bias = (torch.from_numpy(golden[f"mask_{what}/{i}"]) > 0 for what in "wb")
            for parameter, mask in zip(tensors(layer), (weight.T, bias), strict=True):
                assert isinstance(parameter, nn.Parameter)
                set_mask(parameter, mask.expand_as(parameter))
    x, y = torch.from_numpy(golden["x"])[None], torch.from_numpy(golden["y"])
    task = torch.from_numpy(golden["task_id"])[None] if dataset.tasks > 1 else None
    sampling = Sampling(0.5 if file.startswith("mnist") else 2.0)

    def close(found: Any, name: str) -> None:
        what = "gradients" if name.startswith("grad") else "outputs and losses, also after steps of Adam"
        compare(
            f"{model} for {'pairs' if file.startswith('mnist') else 'Boolean functions'}: {what}", found, golden[name]
        )
        np.testing.assert_allclose(found, golden[name], rtol=0, atol=1e-5, err_msg=name)

    def loss() -> Tensor:
        return binary_cross_entropy_with_logits(net(x, task, sampling)[0], y)

    close(net(x, task)[0].sigmoid().detach(), "out_eval")
    close(net(x, task, sampling)[0].sigmoid().detach(), "out_train")
    before = loss()
    close(before.item(), "loss_train")
    before.backward()
    for name, place in mapping.items():
        gradient = torch.zeros_like(place.ours) if place.ours.grad is None else place.ours.grad
        close(place.of(gradient), f"grad/{name}")
    for logits in net.selections.values():
        if not logits.learned:
            logits.values.requires_grad_(False)

    lr = {"dense": 0.1, "modules": 0.01, "inputs": 0.1, "locations": 0.1}
    if file.startswith("mnist"):
        lr |= {"inputs": 0.01, "locations": 0.01}
    groups = [{"params": parameters, "lr": lr[what]} for what, parameters in net.groups().items()]
    optimizer = torch.optim.Adam(groups, weight_decay=1e-4 if file.startswith("mnist") else 1e-3)
    trace = []
    for _ in golden["adam_loss_trace"]:
        trace.append(now := loss())
        optimizer.zero_grad()
        now.backward()
        optimizer.step()
    close(torch.stack(trace).detach(), "adam_loss_trace")
    close(net(x, task)[0].sigmoid().detach(), "out_eval_after_adam")


MLP = {"image_module": "mlp"}


@pytest.mark.parametrize(
    ("model", "dataset", "changes", "trained", "every"),
    [
        ("mlp", vectors(), {}, 2990, 2990),
        ("modular", vectors(), {}, 271, 271),
        ("modular_known", vectors(), {}, 245, 271),
        ("modular", vectors(), {"known_outputs": True}, 269, 271),
        ("shared_modular", vectors(), {}, 134, 134),
        ("shared_modular_known", vectors(), {}, 98, 134),
        ("modular", vectors("[6, 2, 2]"), {}, 112, 112),
        ("shared_modular", vectors("[6, 2, 2]"), {}, 65, 65),
        ("modular", vectors("[6, 3, 3, 2, 2]"), {}, 427, 427),
        ("shared_modular", vectors("[6, 3, 3, 2, 2]"), {}, 206, 206),
        ("mlp", images(), {}, 443_274, 443_274),
        ("modular", images(), MLP, 218_137, 218_137),
        ("shared_modular", images(), MLP, 109_071, 109_071),
        ("modular", images(), {}, 6961, 6961),
        ("shared_modular", images(), {}, 3483, 3483),
    ],
)
def test_numbers_of_parameters(
    model: str, dataset: StructuredDataset, changes: dict[str, Any], trained: int, every: int
) -> None:
    assert network(model, dataset, 0, 1, **changes).count() == {"trained": trained, "all": every}


@pytest.mark.parametrize("pruning", [0.0, 30.0, 90.0, 100.0])
def test_a_share_of_the_weights_is_pruned(pruning: float) -> None:
    net = network("mlp", vectors(), 3, 4, pruning=pruning)
    assert isinstance(net, MlpNetwork)
    weights = [tensors(layer)[0] for layer in net.mlps.layers]
    kept = sum((weight[0] != 0).sum().item() for weight in weights)
    assert kept == pytest.approx(sum(weight[0].numel() for weight in weights) * (1 - pruning / 100), abs=1)
    kept += sum((tensors(layer)[1][0] != 0).sum().item() for layer in net.mlps.layers)
    assert net.count() == {"trained": kept, "all": 2990}
