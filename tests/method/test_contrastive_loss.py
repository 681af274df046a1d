"""The contrastive loss: golden values, a reference written with loops, extreme features."""

import json
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
import torch
from published import compare, published
from torch import Tensor

from modrobust.method.contrastive_loss import contrastive_loss

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/networks.json").read_text())["contrastive_loss"]


def with_loops(features: Tensor, views: int, temperature: float) -> float:
    """The definition, row by row, in float64."""
    rows = [row / row.norm() for row in features.flatten(1).double()]
    images = len(rows) // views
    total = 0.0
    for i, row in enumerate(rows):
        others = [(j, exp(float(row @ other) / temperature)) for j, other in enumerate(rows) if j != i]
        negatives = sum(value for j, value in others if j % images != i % images)
        for j, positive in others:
            if j % images == i % images:
                total -= log(positive / (positive + negatives))
    return total / len(rows)


@published
@pytest.mark.parametrize("name", GOLDEN)
def test_golden_loss_and_gradient(name: str) -> None:
    views, temperature, weight = (float(part.lstrip("viewst")) for part in name.replace("w", "").split("_"))
    draw = np.random.RandomState(int(views)).standard_normal((int(views) * 8, 20))
    features = torch.from_numpy(draw.astype(np.float32)).requires_grad_()
    loss = weight * contrastive_loss(features, int(views), temperature)
    loss.backward()
    assert features.grad is not None
    compare("the contrastive loss", loss.item(), GOLDEN[name]["loss"])
    compare("the contrastive loss: gradient", features.grad[0], GOLDEN[name]["grad_first_row"])
    assert loss.item() == pytest.approx(GOLDEN[name]["loss"], rel=1e-6)
    assert features.grad.abs().sum().item() == pytest.approx(GOLDEN[name]["grad_abs_sum"], rel=1e-5)
    torch.testing.assert_close(features.grad[0], torch.tensor(GOLDEN[name]["grad_first_row"]), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("views", [1, 2, 3, 7])
@pytest.mark.parametrize("images", [1, 2, 5])
@pytest.mark.parametrize("temperature", [0.15, 1.0])
def test_equals_the_definition(views: int, images: int, temperature: float) -> None:
    features = torch.randn(views * images, 3, 2, 2, generator=torch.Generator().manual_seed(views))
    found = contrastive_loss(features, views, temperature).item()
    assert found == pytest.approx(with_loops(features, views, temperature), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(("views", "images"), [(1, 4), (7, 1), (1, 1)])
def test_nothing_to_compare_is_zero_and_has_a_gradient(views: int, images: int) -> None:
    features = torch.randn(views * images, 5, requires_grad=True)
    loss = contrastive_loss(features, views)
    loss.backward()
    assert loss.item() == 0 and features.grad is not None and not features.grad.any()


@pytest.mark.parametrize("temperature", [0.15, 0.01, 1e-4])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e15])
def test_huge_similarities_stay_finite(temperature: float, scale: float) -> None:
    one = torch.randn(1, 20, generator=torch.Generator().manual_seed(0)) * scale
    for features in (one.repeat(14, 1), torch.cat([one.repeat(7, 1), -one.repeat(7, 1)])):
        features.requires_grad_()
        loss = contrastive_loss(features, 7, temperature)
        loss.backward()
        assert features.grad is not None
        assert loss.isfinite() and features.grad.isfinite().all()


def test_identical_features_have_the_known_loss() -> None:
    features = torch.ones(6, 4)  # 2 views of 3 images: one positive, four negatives, all equally similar
    assert contrastive_loss(features, 2, 0.01).item() == pytest.approx(log(5), rel=1e-5)


@pytest.mark.parametrize("dead", [[0], [0, 3], [0, 1, 2, 3, 4, 5]])
def test_dead_features_have_a_finite_gradient(dead: list[int]) -> None:
    features = torch.randn(6, 10, generator=torch.Generator().manual_seed(1))
    features[dead] = 0
    features.requires_grad_()
    contrastive_loss(torch.relu(features), 3).backward()
    assert features.grad is not None and features.grad.isfinite().all()
    assert not features.grad[dead].any()  # a ReLU that is off stays off


def test_bfloat16_is_close_to_float32() -> None:
    features = torch.randn(56, 512, generator=torch.Generator().manual_seed(2))
    expected = contrastive_loss(features, 7)
    found = contrastive_loss(features.bfloat16(), 7)
    with torch.autocast("cpu", torch.bfloat16):
        autocast = contrastive_loss(features.bfloat16(), 7)
    assert found.dtype == autocast.dtype == torch.float32
    assert found.item() == pytest.approx(expected.item(), rel=2e-3)
    assert torch.equal(found, autocast)


def test_gradient_is_that_of_differences() -> None:
    features = torch.randn(6, 4, generator=torch.Generator().manual_seed(3), requires_grad=True)
    contrastive_loss(features, 3).backward()
    assert features.grad is not None
    for place in [(0, 0), (5, 2)]:
        change = torch.zeros(6, 4)
        change[place] = 1e-3
        rise = with_loops(features.detach() + change, 3, 0.15) - with_loops(features.detach() - change, 3, 0.15)
        assert features.grad[place].item() == pytest.approx(rise / 2e-3, rel=1e-3)
