"""Every combination of a modular network's settings works or is refused in one line; replicas share nothing."""

import itertools
from typing import Any

import pytest
import torch
from structures import images, network, vectors
from torch import Tensor

from modrobust.dataset.structure import StructuredDataset
from modrobust.errors import UserError
from modrobust.model.modular_network import ModularNetwork
from modrobust.model.selection import Sampling
from modrobust.model.structured import StructuredNetwork

KNOWLEDGE = [{"known_inputs": inputs, "known_outputs": outputs} for inputs in (False, True) for outputs in (None, True)]
OF_VECTORS = {("vectors", 1): vectors(), ("vectors", 2): vectors("multi_task_b")}
OF_IMAGES = {(image_module, tasks): images(tasks) for image_module in ("mlp", "cnn") for tasks in (1, 2)}
SMALL = {"image_hidden": [8], "image_channels": [2, 3]}


def gumbel(replicas: int) -> Any:
    """Noise that every replica has the same of; for each name and step the same."""

    def noise(name: str, shape: tuple[int, ...]) -> Tensor:
        draw = torch.Generator().manual_seed(sum(name.encode()))
        one = torch.empty(shape).exponential_(generator=draw).log().neg()
        return one.expand(replicas, *shape)

    return noise


def samplings(replicas: int = 1) -> list[Sampling | None]:
    """Evaluation, and each way of training."""
    noise = gumbel(replicas)
    return [None, Sampling(2.0), Sampling(2.0, noise), Sampling(0.5, noise, per_sample=True)]


def batch(dataset: StructuredDataset, replicas: int = 1) -> tuple[Tensor, Tensor | None]:
    shape, draw = dataset.splits["train"].inputs.shape[1:], torch.Generator().manual_seed(7)
    x = torch.rand(replicas, 4, *shape, generator=draw)
    task = torch.tensor([[0, 1, 1, 0]]).expand(replicas, -1) if dataset.tasks > 1 else None
    return x, task


def refusal(model: str, dataset: StructuredDataset, settings: dict[str, Any]) -> str | None:
    """Which key a combination must be refused for; None where it must work."""
    known_inputs, top_k = settings["known_inputs"], settings["top_k"]
    known = known_inputs or settings["known_outputs"] or settings.get("known_locations")
    if known and dataset.tasks > 1:
        return "known_"
    if known_inputs and top_k != 2:
        return "top_k"
    if settings["outputs_from"] == "all" and (known_inputs or settings["known_outputs"]):
        return "outputs_from"
    fewest = 6 if dataset.tasks > 1 else 3  # inputs of a layer
    return "top_k" if model == "shared_modular" and top_k > fewest else None


def check(model: str, dataset: StructuredDataset, settings: dict[str, Any]) -> bool:
    """Whether the network works, as opposed to being refused; that it does as it must."""
    expected = refusal(model, dataset, settings)
    try:
        net = network(model, dataset, **settings)
    except UserError as error:
        assert expected is not None and f"model.{expected}" in str(error) and "\n" not in str(error), settings
        return False
    assert expected is None, settings
    x, task = batch(dataset)
    for sampling in samplings():
        net.zero_grad()
        z = net(x, task, sampling)
        assert z.shape == (1, 4, 2) and z.isfinite().all()
        z.square().sum().backward()
        for what, parameters in net.groups().items():
            gradients = torch.cat([torch.zeros(1) if p.grad is None else p.grad.flatten() for p in parameters])
            assert gradients.isfinite().all() and gradients.any(), (settings, what)
    return True


def combinations(model: str) -> list[dict[str, Any]]:
    known = KNOWLEDGE
    if model == "shared_modular":
        known = [{**some, "known_locations": locations} for some in KNOWLEDGE for locations in (False, True)]
    every = itertools.product(known, ("last", "all"), range(1, 7))
    return [{**some, "outputs_from": outputs, "top_k": top_k} for some, outputs, top_k in every]


@pytest.mark.parametrize("model", ["modular", "shared_modular"])
@pytest.mark.parametrize(("kind", "tasks"), [*OF_VECTORS, *OF_IMAGES])
def test_every_combination_works_or_is_refused(model: str, kind: str, tasks: int) -> None:
    if kind == "vectors":
        dataset, more = OF_VECTORS[kind, tasks], {}
    else:
        dataset, more = OF_IMAGES[kind, tasks], {"image_module": kind, **SMALL}
    worked = [check(model, dataset, {**settings, **more}) for settings in combinations(model)]
    assert any(worked) and not all(worked)


@pytest.mark.parametrize(
    ("model", "dataset", "settings", "message"),
    [
        ("modular", vectors(), {"top_k": 0}, "model.top_k=0: at least 1 input is needed."),
        ("modular", vectors(), {"outputs_from": "first"}, "model.outputs_from=first: allowed are last and all."),
        ("modular", images(), {"image_module": "vit"}, "model.image_module=vit: allowed are mlp and cnn."),
        ("modular", vectors(), {"num_modules": []}, "model.num_modules=[]: a number of modules, at least 1, is needed"),
        ("modular", vectors(), {"num_modules": [3, 0]}, "model.num_modules=[3, 0]: a number of modules, at least 1"),
        ("modular", vectors(), {"num_modules": [3, 1]}, "model.num_modules=[3, 1]: 1 modules are too few for 2"),
        ("modular_known", vectors(), {"known_outputs": False}, "model.known_outputs=false: known inputs imply"),
        ("modular_known", vectors(), {"num_modules": [4, 2]}, "model.num_modules=[4, 2]: known_inputs=true needs"),
        ("modular_known", images(), {"image_outputs": 4}, "model.image_outputs=4: known inputs need"),
        (
            "modular_known",
            vectors("[6, 2]"),
            {},
            "model.known_inputs=true: there is nothing to know of dataset boolean",
        ),
        ("shared_modular_known", vectors(), {"num_shared_modules": 1}, "model.num_shared_modules=1: known locations"),
        ("shared_modular", vectors(), {"num_shared_modules": 0}, "model.num_shared_modules=0: at least 1 is needed."),
        ("shared_modular", images(), {"num_shared_image_modules": -1}, "model.num_shared_image_modules=-1: at least 1"),
        ("mlp", vectors(), {"pruning": 101}, "model.pruning=101: a percentile from 0 to 100 is needed."),
        ("mlp", vectors(), {"task_input": "name"}, "model.task_input=name: allowed are one_hot and number."),
        ("cnn", vectors(), {}, "model=cnn is for one task on images; dataset=boolean goes with model=mlp."),
    ],
)
def test_what_does_not_fit_is_refused(
    model: str, dataset: StructuredDataset, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as error:
        network(model, dataset, **settings)
    assert str(error.value).startswith(message)


REPLICATED: list[tuple[str, StructuredDataset, dict[str, Any]]] = [
    ("mlp", vectors(), {}),
    ("mlp", vectors("multi_task_a"), {"pruning": 40}),
    ("modular", vectors(), {}),
    ("modular", vectors(), {"num_modules": [6, 6], "top_k": 4, "outputs_from": "all"}),
    ("modular", vectors("multi_task_b"), {}),
    ("modular_known", vectors(), {}),
    ("shared_modular", vectors(), {"num_modules": [6, 5], "num_shared_modules": 4}),
    ("shared_modular", vectors("multi_task_b"), {}),
    ("shared_modular_known", vectors("[6, 3, 3, 2, 2]"), {}),
    ("mlp", images(), {"hidden": [9]}),
    ("cnn", images(), {"channels": [2, 3]}),
    ("modular", images(), SMALL),
    ("modular", images(), {"image_module": "mlp", **SMALL}),
    ("shared_modular", images(), {"num_shared_image_modules": 2, **SMALL}),
    ("shared_modular_known", images(), SMALL),
]


@pytest.mark.parametrize(("model", "dataset", "settings"), REPLICATED)
def test_replicas_are_the_networks_of_their_seeds(
    model: str, dataset: StructuredDataset, settings: dict[str, Any]
) -> None:
    seeds = (5, 6, 7)
    together: StructuredNetwork = network(model, dataset, *seeds, **settings)
    alone = [network(model, dataset, seed, **settings) for seed in seeds]
    close = 0 if len(dataset.splits["train"].inputs.shape) == 2 else 1e-5
    x, task = batch(dataset, 3)
    for each, one in zip(samplings(3), samplings(), strict=True):
        outputs = together(x, task, each)
        for k, net in enumerate(alone):
            own = net(x[k : k + 1], None if task is None else task[k : k + 1], one)[0]
            torch.testing.assert_close(outputs[k], own, rtol=0, atol=close)
        assert not torch.equal(outputs[0], outputs[1])


def test_outputs_are_in_the_order_of_their_logits() -> None:
    net = network("modular", vectors(), num_modules=[3, 4])
    assert isinstance(net, ModularNetwork)
    x, _ = batch(vectors())
    net.inputs["outputs"].values.data = torch.tensor([0.0, 3, 1, 2]).view(1, 1, 4, 1)
    before = net(x)
    net.inputs["outputs"].values.data = torch.tensor([0.0, 2, 1, 3]).view(1, 1, 4, 1)
    assert torch.equal(net(x), before.flip(-1))


def test_a_task_has_logits_of_its_own_and_modules_in_common() -> None:
    dataset = vectors("multi_task_b")
    net = network("modular", dataset)
    x = torch.rand(1, 2, 6)
    one, other = (net(x, torch.full((1, 2), task)) for task in (0, 1))
    assert not torch.equal(one, other)
    assert torch.equal(net(x, torch.tensor([[0, 1]]))[0], torch.stack([one[0, 0], other[0, 1]]))
    for logits in net.selections.values():
        logits.values.data[:, 1] = logits.values[:, 0]
    assert torch.equal(net(x, torch.ones(1, 2, dtype=torch.long)), one)
