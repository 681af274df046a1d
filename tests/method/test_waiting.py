"""A training step and a batch of an evaluation on a GPU never make the processor wait for it.

There is no GPU here: tensors are torch's fake ones, which say that they lie on one and hold nothing. Copies between
host and device, and operations whose result has a size that depends on values, are what waits. (The backward pass of
fake tensors needs a driver; it has the operations of torch alone.)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from modrobust.build import method_of
from modrobust.corruption import draw, gaussian_blur, swirl
from modrobust.corruption.choice import choose
from modrobust.dataset import normalise
from modrobust.dataset.splits import Split
from modrobust.evaluation.results import Results
from modrobust.evaluation.testing import corrupted
from modrobust.method import contrastive, cross_entropy, img_space, modules
from modrobust.method.experiment import Experiment
from modrobust.method.made import made_of
from modrobust.method.views import Order, Views

CUDA = torch.device("cuda")
BY_VALUE = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "item", "is_nonzero", "equal", "bincount")
CONSTANTS = (
    *(normalise._constants, draw._counters, draw._quantiles),
    *(gaussian_blur._weights, swirl._taps),
)


class Waits(TorchDispatchMode):
    """Collects the operations that wait."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in BY_VALUE:
            self.found.append(name)
        result = func(*args, **(kwargs or {}))
        if name in ("_to_copy", "copy_"):
            tensors = [one for one in tree_leaves((args, result)) if isinstance(one, Tensor)]
            if len({one.device.type for one in tensors}) > 1:
                self.found.append(f"{name} {[(one.device.type, tuple(one.shape)) for one in tensors]}")
        return result


@pytest.fixture
def fake() -> Iterator[None]:
    """Tensors hold nothing; constants that were made so are forgotten."""
    try:
        with FakeTensorMode():
            yield
    finally:
        for constant in CONSTANTS:
            constant.cache_clear()


@contextmanager
def nothing_waits() -> Iterator[None]:
    with Waits() as waits:
        yield
    assert waits.found == []


def once_an_epoch(self: Views, kinds: int, batch_size: int, epoch: int) -> Order:
    """In the place of `Views._arrange`, which works on the host."""
    n = kinds * len(self.dataset.splits["train"])
    here = [torch.zeros(n, dtype=torch.int64, device=CUDA) for _ in range(2)]
    counts = [batch_size // kinds] * (kinds - 1)
    return Order(here[0], here[1], [[*counts, batch_size - sum(counts)]] * (n // batch_size))


def shuffled(self: Views, total: int, epoch: int) -> Tensor:
    """In the place of `Views._shuffle`, alike."""
    return torch.zeros(total, dtype=torch.int64, device=CUDA)


def on_gpu(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """The experiment with fake data of the same shapes on a GPU, and networks that are made there."""

    def fresh(self: Experiment, part: Any, build: Callable[[], nn.Module]) -> nn.Module:
        with CUDA:
            return build()

    def moved(split: Split) -> Split:
        tensors = (split.inputs, split.targets, split.index)
        return Split(*(torch.zeros(one.shape, dtype=one.dtype, device=CUDA) for one in tensors))

    monkeypatch.setattr(Experiment, "fresh", fresh)
    monkeypatch.setattr(Views, "_arrange", once_an_epoch)
    monkeypatch.setattr(Views, "_shuffle", shuffled)
    monkeypatch.setattr(draw, "_digests", lambda purposes, device: torch.zeros(len(purposes), device=device).long())
    splits = {name: moved(split) for name, split in experiment.dataset.splits.items()}
    return replace(experiment, data=replace(experiment.dataset, splits=splits), device=CUDA)


def step_twice(part: Any, network: nn.Module, objective: Any, training: Any, lr: Any, keep: bool = True) -> None:
    """In the place of `fit`: the second step, and the second validation batch, wait for nothing."""
    network.train()
    objective.step(0, 0)
    optimizer = training.optimizer(network.parameters(), lr=lr)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    with nothing_waits():
        assert objective.step(0, 1)["loss"].is_cuda
        optimizer.step()
    network.eval()


METHODS = {
    "cross_entropy": ("dataset=cifar10",),  # with crop and flip
    "cross_entropy pairing": ("method.pairing=true",),
    "contrastive": ("method.level={Contrast: 1, Rotate90: 2}", "method.weight=1"),
    "modules": ("method.level=2",),
    "img_space": (),
}


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "made anew"])
@pytest.mark.parametrize("method", METHODS)
def test_no_step_waits(
    experiment: Callable[..., Experiment],
    configure: Callable[..., Any],
    method: str,
    keep: bool,
    fake: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = f"method={method.split()[0]}"
    with torch._subclasses.fake_tensor.unset_fake_temporarily():
        given = experiment(group, "dataset.n_train=24", "training.batch_size=8", *METHODS[method])
        own = method_of(configure(group, *METHODS[method]))
    there = replace(on_gpu(given, monkeypatch), keep_bytes=1e9 if keep else 0)
    for module in (contrastive, cross_entropy, img_space, modules):
        monkeypatch.setattr(module, "fit", step_twice)
    monkeypatch.setattr(img_space, "before_and_after", lambda *_: [])
    predict = made_of(own.train(there)).predictor
    assert callable(predict)
    test = there.dataset.splits["test"]
    compositions = choose(there.corruption.compositions, there.corruption.elemental, None, 2)
    results = Results(compositions, 2 * len(test), there.dataset.num_classes, True, CUDA)

    def batch() -> None:
        for composition, images in corrupted(there.corruption, compositions, test.inputs, "test", test.index):
            for variant, (logits, units) in predict(normalise.normalise(images, there.dataset), composition).items():
                results.add(variant, composition, 0, logits, units, test.targets)

    with torch.inference_mode():
        batch()
        with nothing_waits():
            batch()
