"""A training step and a batch of an evaluation on a GPU never make the processor wait for it.

There is no GPU here: tensors are torch's fake ones, which say that they lie on one and hold nothing. Copies between
host and device, and operations whose result has a size that depends on values, are what waits. (The backward pass of
fake tensors needs a driver; it has the operations of torch alone.)
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from inspect import signature
from typing import Any

import numpy as np
import pytest
import torch
from composed import configured
from hydra.utils import instantiate
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from modrobust.build import method_of
from modrobust.corruption import draw
from modrobust.corruption.choice import choose
from modrobust.dataset import normalise
from modrobust.dataset.splits import Split
from modrobust.evaluation.results import Results
from modrobust.evaluation.testing import corrupted
from modrobust.method import contrastive, cross_entropy, img_space, inferred, modules, objectives, pairs, router
from modrobust.method.experiment import Experiment
from modrobust.method.made import made_of
from modrobust.method.views import Order, Views

CUDA = torch.device("cuda")
BY_VALUE = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "item", "is_nonzero", "equal", "bincount")


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
        tensors = [one for one in tree_leaves((args, kwargs, result)) if isinstance(one, Tensor)]
        where = {one.device.type for one in tensors if one.ndim or name in ("_to_copy", "copy_", "to")}
        if len(where) > 1:  # a copy, also of an index; in inference mode it has other names
            self.found.append(f"{name} {[(one.device.type, tuple(one.shape)) for one in tensors]}")
        return result


@pytest.fixture
def fake() -> Iterator[None]:
    """Tensors hold nothing; constants that were made so are forgotten."""
    try:
        with FakeTensorMode():
            yield
    finally:
        for name, module in [*sys.modules.items()]:
            if name.startswith(("modrobust.corruption.", normalise.__name__)):
                for constant in vars(module).values():
                    if hasattr(constant, "cache_clear"):
                        constant.cache_clear()


@contextmanager
def nothing_waits(but: int = 0) -> Iterator[None]:
    with Waits() as waits:
        yield
    assert len(waits.found) == but, waits.found


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
    monkeypatch.setattr(nn.Module, "to", lambda self, *where, **how: self)  # they are there
    monkeypatch.setattr(Views, "_arrange", once_an_epoch)
    monkeypatch.setattr(Views, "_shuffle", shuffled)
    monkeypatch.setattr(draw, "_digests", lambda purposes, device: torch.zeros(len(purposes), device=device).long())
    splits = {name: moved(split) for name, split in experiment.dataset.splits.items()}
    data, numerics = replace(experiment.dataset, splits=splits), replace(experiment.numerics, device_type="cuda")
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    training = replace(experiment.training, autocast=numerics.autocast)
    return replace(experiment, data=data, device=CUDA, numerics=numerics, training=training)


def every_row(x: Tensor, which: Tensor, several: Sequence[nn.Module]) -> Tensor:
    """In the place of `applied`, which chooses rows on the host."""
    assert which.device.type == "cpu"
    for one in several:
        x = one(x)
    return x


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """In the place of `to_device`, which does not wait."""
    return torch.zeros(tensor.shape, dtype=tensor.dtype, device=device)


def step_twice(part: Any, network: nn.Module, objective: Any, training: Any, lr: Any, keep: bool = True) -> None:
    """In the place of `fit`: the second step, and the batches of the second validation, wait for nothing."""
    network.train()
    with training.autocast():
        objective.step(0, 0)
    optimizer = training.optimizer(network.parameters(), lr=lr)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    with nothing_waits():
        with training.autocast():
            assert objective.step(0, 1)["loss"].is_cuda
        optimizer.step()
    network.eval()
    with training.autocast():
        objective.validate()
        with nothing_waits():
            assert objective.validate()["batches"]


METHODS = {
    "cross_entropy": ("dataset=cifar10",),  # with crop and flip
    "cross_entropy pairing": ("method.pairing=true",),
    "cross_entropy bfloat16": ("precision=bfloat16",),
    "pairs": (),
    "bn_adapt": ("model=resnet18",),
    "tent": ("model=resnet18", "method.steps=0"),  # which would need the backward pass
    "contrastive": ("method.level={Contrast: 1, Rotate90: 2}", "method.weight=1"),
    "modules": ("method.level=2",),
    "modules inferred": ("method.level=2", "method.routing=inferred"),
    "img_space": (),
    "img_space inferred": ("method.routing=inferred", "method.router.lengths=[0,1,2]"),
}
CHOICES = {"modules inferred": 1, "img_space inferred": 2}
"""Where rows are chosen by what is in them, that is waited for: so many times a batch and composition."""


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
    for module in (contrastive, cross_entropy, img_space, modules, pairs, router):
        monkeypatch.setattr(module, "fit", step_twice)
    monkeypatch.setattr(img_space, "before_and_after", lambda *_: [])
    monkeypatch.setattr(objectives, "_mean", lambda scalars: {"batches": len([*scalars])})
    monkeypatch.setattr(torch, "randperm", lambda n: np.arange(n))
    for module in (inferred, router):
        monkeypatch.setattr(module, "to_device", sent)
    for module in (img_space, modules):
        monkeypatch.setattr(module, "applied", every_row)
    predict = made_of(own.train(there)).predictor
    assert callable(predict)
    test = there.dataset.splits["test"]
    compositions = choose(there.corruption.compositions, there.corruption.elemental, None, 2)
    results = Results(compositions, 2 * len(test), there.dataset.num_classes, True, CUDA)

    def batch() -> None:
        for composition, images in corrupted(there.corruption, compositions, test.inputs, "test", test.index):
            with there.training.autocast():
                predicted = predict(normalise.normalise(images, there.dataset), composition)
            for variant, (logits, units, *more) in predicted.items():
                assert logits.dtype == (torch.bfloat16 if "bfloat16" in method else torch.float32)
                results.add(variant, composition, 0, logits, units, test.targets, *more)

    with torch.inference_mode():
        batch()
        with nothing_waits(but=CHOICES.get(method, 0) * len(compositions)):
            batch()


ON_HOST = ("DefocusBlur", "Frost", "JpegCompression", "MotionBlur", "Pixelate", "Snow", "Spatter")
"""Common corruptions that are made there, image by image, or choose there."""


def made_there(make: Callable[..., Any]) -> Callable[..., Any]:
    """In the place of a function that makes constants for a device: of their shapes."""

    @cache
    def made(*given: Any) -> Any:
        with torch._subclasses.fake_tensor.unset_fake_temporarily():
            real = make(*(torch.device("cpu") if isinstance(one, torch.device) else one for one in given))
        return tree_map(lambda one: sent(one, CUDA) if isinstance(one, Tensor) else one, real)

    return made


@pytest.mark.parametrize("group", ["six", "common"])
def test_no_corruption_waits_but_those_of_the_host(group: str, fake: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch._subclasses.fake_tensor.unset_fake_temporarily():
        corruption = instantiate(configured(f"corruption={group}").corruption)
    for module in [one for name, one in sys.modules.items() if name.startswith("modrobust.corruption.")]:
        for name, one in vars(module).items():
            if hasattr(one, "cache_clear") and "device" in signature(one).parameters:
                monkeypatch.setattr(module, name, made_there(one))
    images, index = torch.zeros(4, 3, 32, 32, device=CUDA), torch.zeros(4, dtype=torch.int64, device=CUDA)
    names = [name for name in corruption.elemental if name not in ON_HOST]
    assert len(names) == {"six": 6, "common": 19 - len(ON_HOST)}[group]
    for name in names:
        corruption.step(images, name, 0, "test", index)
        with nothing_waits():
            corruption.step(images, name, 0, "test", index)
