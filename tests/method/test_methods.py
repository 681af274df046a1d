"""Every method on every family of datasets: trains, predicts, writes rows of the right variants."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modrobust.errors import UserError

VARIANTS = {
    "cross_entropy": ["default"],
    "contrastive": ["default"],
    "auto_contrastive": ["default"],
    "modules": ["default"],
    "auto_modules": ["default"],
    "img_space": ["identity_classifier", "joint_classifier"],
    "augmix": ["default"],
    "pairs": ["default"],
}
ADAPTED = ("bn_adapt", "tent")  # networks with batch normalisation
FAMILIES = {
    "digits": ("dataset=digits", "dataset._target_=modrobust.dataset.digits.digits", "dataset.image_size=28"),
    "emnist": ("dataset=emnist",),
    "cifar10": ("dataset=cifar10", "model=small_cnn"),
    "facescrub": ("dataset=facescrub", "model=small_cnn", "dataset.image_size=100"),
    "mnist": (  # not square, and the network takes from the data how many classes and pixels there are
        *("dataset=mnist", "dataset.image_size=[13,18]", "model.image_size=null", "model.num_classes=null"),
        "vis=true",
    ),
}


@pytest.fixture(autouse=True)
def short_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modrobust.method.contrastive.SEARCH_BATCHES", 1)


def check(folder: Path, dataset: str, method: str) -> None:
    rows = pd.read_csv(folder / "results.csv")
    variants = VARIANTS.get(method, ["default"])
    assert list(rows.variant.unique()) == variants
    assert (rows.dataset == dataset).all() and (rows.method == method).all()
    assert list(rows.composition) == ["Identity", "Contrast", "Rotate90-Contrast"] * len(variants)
    assert list(rows.n_corruptions) == [0, 1, 2] * len(variants)
    assert (rows.n_images == 10).all()
    assert np.isfinite(rows.loss).all() and rows.accuracy.between(0, 100).all()
    curves = pd.read_json(folder / "metrics.jsonl", lines=True)
    assert np.isfinite(curves.loss).all() and np.isfinite(curves.valid_loss).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", VARIANTS)
def test_method_on_family(run: Callable[..., Path], method: str, family: str) -> None:
    few = ["corruption.names=[Contrast]"] if method.startswith("auto") else []  # a network for every level
    folder = run(f"method={method}", *FAMILIES[family], *few, *(["method.repeats=1"] * (method == "auto_contrastive")))
    check(folder, family, method)


@pytest.mark.parametrize("method", ADAPTED)
def test_method_that_adapts(run: Callable[..., Path], method: str) -> None:
    small = ("dataset.n_train=6", "dataset.n_valid=4", "training.batch_size=6")
    check(run(f"method={method}", "model=torchvision", *small), "digits", method)


@pytest.mark.parametrize(
    ("dataset", "model", "size", "level"), [("cifar10", "resnet18", 32, 6), ("facescrub", "inception_v3", 75, 8)]
)
def test_modules_in_large_networks(run: Callable[..., Path], dataset: str, model: str, size: int, level: int) -> None:
    small = (f"dataset.image_size={size}", "dataset.n_train=4", "dataset.n_valid=2", "training.batch_size=4")
    where = (f"dataset={dataset}", f"model={model}", f"method.level.Contrast={level}", "method.backbone_lr=1e-4")
    check(run("method=modules", *small, *where), dataset, "modules")


@pytest.mark.parametrize(
    ("method", "keys"),
    [
        ("cross_entropy", ["lr"]),
        ("contrastive", ["lr"]),
        ("modules", ["lr", "backbone_lr"]),
        ("img_space", ["lr", "autoencoder_lr"]),
    ],
)
def test_method_learns_digits(run: Callable[..., Path], method: str, keys: list[str]) -> None:
    """With Adam: it needs fewer steps than the published optimiser."""
    small = ("dataset.image_size=16", "dataset.n_train=240", "dataset.n_valid=30", "dataset.n_test=100")
    easy = ("model.dropout=[0,0,0,0]", "model.hidden_dropout=0", "model.module_dropout=[0,0,0,0]")
    adam = ("training.optimizer._target_=torch.optim.Adam", "~training.optimizer.momentum", "training.epochs=3")
    rates = [f"method.{key}=3e-3" for key in keys]
    settings = (*easy, *adam, *rates, "training.batch_size=12", "corruption.names=[Invert]")
    folder = run(f"method={method}", *FAMILIES["digits"], *small, *settings, compositions=("Identity", "Invert"))
    rows = pd.read_csv(folder / "results.csv")
    assert rows.accuracy.min() > 30  # chance is 10


@pytest.mark.parametrize(
    ("overrides", "views"),
    [
        ("method=cross_entropy method.pairing=true training.batch_size=2", 3),
        ("method=contrastive training.batch_size=2", 3),
        ("method=auto_contrastive training.batch_size=2", 3),
        ("method=modules method.level=1 training.batch_size=1", 2),
        ("method=img_space training.batch_size=2", 3),
        ("method=img_space method.classifiers=false evaluate=false training.batch_size=1", 2),
    ],
)
def test_a_batch_too_small_is_told_before_anything_is_trained(
    run: Callable[..., Path], epochs: Counter[str], overrides: str, views: int
) -> None:
    size = overrides[-1]
    message = f"training.batch_size={size}: a batch holds {views} views of an image, at least {views} is needed."
    with pytest.raises(UserError) as refused:
        run(*overrides.split())
    assert str(refused.value) == message
    assert not epochs
