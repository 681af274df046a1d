"""Baselines: AugMix, all ordered pairs, batch normalisation adapted at test time, Tent."""

import math
from collections import Counter
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from modrobust.corruption.composition import parse
from modrobust.corruption.corruption import quantize
from modrobust.dataset.normalise import denormalise, normalise
from modrobust.errors import UserError
from modrobust.method import augmix
from modrobust.method.augmix import jensen_shannon
from modrobust.method.bn_adapt import Adapted
from modrobust.method.experiment import Experiment
from modrobust.method.pairs import Composed
from modrobust.method.tent import MadeCertain, entropy
from modrobust.method.views import Views
from modrobust.model.network import Network
from modrobust.sweep.pieces import pieces

IMAGES = 2 + 3 * torch.randn(8, 3, 6, 6, generator=torch.Generator().manual_seed(0))


def network() -> Network:
    torch.manual_seed(1)
    blocks: dict[str, nn.Module] = {
        "one": nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()),
        "two": nn.Sequential(nn.Linear(64, 5), nn.BatchNorm1d(5), nn.ReLU()),
        "out": nn.Linear(5, 3),
    }
    made = Network(blocks, lambda level: nn.Identity(), nn.Identity)
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean)  # type: ignore[arg-type]
    return made.eval()


def logits_of(predictor: nn.Module, images: Tensor = IMAGES) -> Tensor:
    with torch.inference_mode():
        return predictor(images, ("Contrast",))["default"][0].clone()


# Batch normalisation


def test_without_a_prior_statistics_are_those_of_the_batch() -> None:
    torch.testing.assert_close(logits_of(Adapted(network(), prior=0, batch_size=8)), network().train()(IMAGES))


def test_with_a_great_prior_they_are_those_of_the_training() -> None:
    torch.testing.assert_close(logits_of(Adapted(network(), prior=1e9, batch_size=8)), network()(IMAGES))


def test_in_between_they_are_a_weighted_mean_and_no_batch_leaves_a_trace() -> None:
    layer = nn.BatchNorm2d(3).eval()
    adapted = Adapted(Network({"one": layer}, lambda level: nn.Identity(), nn.Identity), prior=24, batch_size=8)
    for _ in range(2):
        found = logits_of(adapted)
    share = 24 / (24 + 8)
    mean = (1 - share) * IMAGES.mean((0, 2, 3))
    variance = share * 1 + (1 - share) * IMAGES.var((0, 2, 3), correction=0)
    shape = (1, 3, 1, 1)
    torch.testing.assert_close(found, (IMAGES - mean.view(shape)) / (variance.view(shape) + layer.eps).sqrt())


@pytest.mark.parametrize("kind", ["bn_adapt", "tent"])
def test_more_images_are_adapted_to_by_parts(kind: str) -> None:
    whole = Adapted(network(), 4, 8) if kind == "bn_adapt" else MadeCertain(network(), 1, 1e-2, 8)
    more = torch.cat([IMAGES, -IMAGES, IMAGES[:3]])
    parts = [logits_of(whole, some) for some in more.split(8)]
    torch.testing.assert_close(logits_of(whole, more), torch.cat(parts))


@pytest.mark.parametrize("method", ["bn_adapt", "tent"])
def test_a_network_without_batch_normalisation_is_refused_before_training(
    run: Callable[..., Path], epochs: Counter[str], method: str
) -> None:
    with pytest.raises(UserError, match=f"^method={method}: the network has no batch normalisation to adapt"):
        run(f"method={method}")
    assert not epochs


def test_the_network_is_that_of_cross_entropy(run: Callable[..., Path], epochs: Counter[str]) -> None:
    small = ("model=torchvision", "dataset.n_train=6", "dataset.n_valid=4", "training.batch_size=6", "method.lr=0.01")
    for method in ("cross_entropy", "bn_adapt", "tent"):
        run(f"method={method}", *small, compositions=("Identity",))
    assert epochs == {"classifier": 1}


def test_a_sweep_knows_it() -> None:
    corruption = {"names": ["Contrast"], "elemental": {"Contrast": {}}}
    identity = {"corruption": corruption, "replicas": 1, "dataset": {}}
    targets = {
        "cross_entropy.CrossEntropy": {"pairing": False},
        "bn_adapt.BatchNormAdaptation": {"prior": 16},
        "tent.Tent": {"steps": 1, "adaptation_lr": 1e-3},
    }
    methods = [{"_target_": f"modrobust.method.{t}", "name": t, "lr": 0.1, **keys} for t, keys in targets.items()]
    assert len({piece.key for method in methods for piece in pieces({**identity, "method": method})}) == 1


# Tent


def test_tent_makes_predictions_certain_by_scales_and_shifts_alone() -> None:
    one = network()
    before = {name: weight.clone() for name, weight in one.named_parameters()}
    batch_statistics = logits_of(Adapted(network(), prior=0, batch_size=8))
    found = logits_of(MadeCertain(one, steps=5, lr=1e-2, batch_size=8))
    assert entropy(found) < entropy(batch_statistics) - 0.01
    changed = {name for name, weight in one.named_parameters() if not torch.equal(weight, before[name])}
    assert changed == {"blocks.one.1.weight", "blocks.one.1.bias", "blocks.two.1.weight", "blocks.two.1.bias"}


def test_every_batch_begins_with_the_trained_weights() -> None:
    tent = MadeCertain(network(), steps=2, lr=1e-2, batch_size=8)
    first = logits_of(tent)
    logits_of(tent, 2 * IMAGES)
    assert torch.equal(logits_of(tent), first)
    assert logits_of(tent, IMAGES[:1]).shape == (1, 3)  # the last batch may have one image


def test_entropy() -> None:
    assert float(entropy(torch.zeros(2, 4))) == pytest.approx(math.log(4))
    assert float(entropy(torch.tensor([[99.0, 0.0]]))) == pytest.approx(0, abs=1e-6)


# AugMix


def test_jensen_shannon() -> None:
    certain = 99 * torch.eye(3)
    assert float(jensen_shannon(certain, certain, certain)) == pytest.approx(0, abs=1e-6)
    sure = (900 * torch.eye(3)).requires_grad_()
    jensen_shannon(sure, sure.roll(1, 0), sure).backward()  # type: ignore[no-untyped-call]
    assert sure.grad is not None and sure.grad.isfinite().all()
    third = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert float(jensen_shannon(certain, certain, certain.roll(1, 0))) == pytest.approx(third, rel=1e-5)


def test_a_batch_holds_three_views_of_an_image_and_its_draws_follow_from_the_seed(
    experiment: Callable[..., Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, steps = experiment("dataset=cifar10", "model=small_cnn"), []

    def look(part: object, network: object, objective: augmix._Mixed, *rest: object) -> None:
        assert objective.names == ("Identity",) and objective.batch_size == 4
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            steps.append(objective.step(0, 0))

    monkeypatch.setattr(augmix, "fit", look)
    augmix.AugMix(0.1, elemental=False, weight=12, severity=3, width=3, all_ops=False).train(made)
    losses = [float(step["divergence"]) for step in steps]
    assert losses[0] == losses[1] != losses[2] and min(losses) > 0
    views = made.views()
    batch = views.paired(6, 0, 0)
    assert torch.equal(denormalise(normalise(batch.images, made.dataset), made.dataset), batch.images)


# Pairs


def test_pairs_are_trained_on_the_images_that_are_tested(experiment: Callable[..., Experiment]) -> None:
    made = experiment("corruption.names=[Contrast,ImpulseNoise]")
    composed = Composed(made.corruption, ["Identity", "Contrast", "ImpulseNoise-Contrast"])
    views = Views(made.dataset, composed, made.seed, made.device)
    seen, classes = views.unpaired(("Identity", "ImpulseNoise-Contrast"), 24, 0, 0)
    split = made.dataset.splits["train"]
    for label in ("Identity", "ImpulseNoise-Contrast"):
        tested = quantize(made.corruption.apply(split.inputs, parse(label), "train", split.index))
        for image, target in zip(normalise(tested, made.dataset), split.targets, strict=True):
            assert any(torch.equal(image, one) and target == c for one, c in zip(seen, classes, strict=True))


def test_what_was_seen_is_told(run: Callable[..., Path], epochs: Counter[str]) -> None:
    folder = run("method=pairs", "corruption.names=[Contrast,Invert,Rotate90]", "method.lengths=[2,0]")
    expected = ["Identity", *("-".join(pair) for pair in permutations(["Contrast", "Invert", "Rotate90"], 2))]
    assert list(pd.read_csv(folder / "seen.csv").composition) == expected
    assert epochs == {"pairs": 1}
    with pytest.raises(UserError, match=r"^method.lengths=\[0, 4\]: there are 2 corruptions to compose"):
        run("method=pairs", "method.lengths=[4,0]")
