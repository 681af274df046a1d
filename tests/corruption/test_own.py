"""Corruptions from outside the package: harmless whatever they do, and refused in one line if they break a rule."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from modrobust.corruption.corruption import Corruption
from modrobust.corruption.draw import Draw
from modrobust.corruption.own import is_own
from modrobust.corruption.transform import ELEMENTAL, Corrupt
from modrobust.errors import UserError
from modrobust.evaluation.testing import corrupted

IMAGES = torch.randint(256, (4, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
INDEX = torch.arange(4)
GENERATOR = np.random.default_rng()
BUFFER = torch.empty(4, 1, 16, 16)


def brighter(images: Tensor, draw: Draw) -> Tensor:
    return (images + 60).clamp(0, 255)


def brighter_in_place(images: Tensor, draw: Draw) -> Tensor:
    images += 60
    draw.index.zero_()
    return images.clamp(0, 255)


def brighter_through_numpy(images: Tensor, draw: Draw) -> Tensor:
    view = images.numpy()
    view += 60
    return torch.from_numpy(np.clip(view, 0, 255))


def brighter_in_a_buffer(images: Tensor, draw: Draw) -> Tensor:
    return BUFFER[: len(images)].copy_(images).add_(60).clamp_(0, 255)


def brighter_with_gradient(images: Tensor, draw: Draw) -> Tensor:
    return (images + torch.tensor(60.0, requires_grad=True)).clamp(0, 255)


class Brighter(nn.Module):
    def forward(self, images: Tensor, draw: Draw) -> Tensor:
        return (images + 60).clamp(0, 255)


def tried(function: Any) -> Corruption:
    corruption = Corruption({**ELEMENTAL, "Fog": function}, names=["Fog", "Invert"])
    corruption.try_out(IMAGES, "train", INDEX)
    return corruption


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize(
    "function",
    [
        *(brighter_in_place, brighter_through_numpy, brighter_in_a_buffer, brighter_with_gradient),
        *(Brighter(), lambda images, draw: brighter(images, draw)),
    ],
)
def test_what_a_function_does_to_its_input_changes_no_composition(function: Any, inference: bool) -> None:
    compositions = [(), ("Fog",), ("Fog", "Invert"), ("Invert",), ("Invert", "Fog"), ("Invert", "Fog", "Fog")]
    index = INDEX.clone()
    with torch.inference_mode(inference):
        found, expected = (dict(corrupted(tried(f), compositions, IMAGES, "test", index)) for f in (function, brighter))
        for composition in compositions:
            assert torch.equal(found[composition], expected[composition]), composition
            (alone,) = corrupted(tried(function), [composition], IMAGES, "test", index)
            assert torch.equal(alone[1], found[composition])
        assert not tried(function).apply(IMAGES, ("Fog",), "test", index).requires_grad
    assert torch.equal(index, INDEX)


def returned(value: Callable[[Tensor], Any]) -> Callable[[Tensor, Draw], Any]:
    def fog(images: Tensor, draw: Draw) -> Any:
        return value(images)

    return fog


NEEDED = "a tensor is needed, float32 (4, 1, 16, 16) on cpu."
RETURNS = {
    "numpy": (lambda x: x.numpy(), f"ndarray: {NEEDED}"),
    "nothing": (lambda x: None, f"NoneType: {NEEDED}"),
    "uint8": (lambda x: x.byte(), f"uint8 (4, 1, 16, 16) on cpu: {NEEDED}"),
    "float64": (lambda x: x.double(), f"float64 (4, 1, 16, 16) on cpu: {NEEDED}"),
    "size": (lambda x: x[..., :8, :8], f"float32 (4, 1, 8, 8) on cpu: {NEEDED}"),
    "channels": (lambda x: x.expand(-1, 3, -1, -1), f"float32 (4, 3, 16, 16) on cpu: {NEEDED}"),
    "one image": (lambda x: x[0], f"float32 (1, 16, 16) on cpu: {NEEDED}"),
    "device": (lambda x: x.to("meta"), f"float32 (4, 1, 16, 16) on meta: {NEEDED}"),
    "nan": (lambda x: x * float("nan"), "infinite values or such as are no numbers: 0 to 255 is needed."),
    "inf": (lambda x: x + float("inf"), "infinite values or such as are no numbers: 0 to 255 is needed."),
    "low": (lambda x: x * 0 - 1000, "values from -1000 to -1000: 0 to 255 is needed, see clamp."),
    "high": (lambda x: x * 0 + 256, "values from 256 to 256: 0 to 255 is needed, see clamp."),
    "fractions": (lambda x: x / 255, "values within 0..1 (largest "),
    "torch's random numbers": (
        lambda x: x * torch.rand(len(x), 1, 1, 1),
        "other values each time: random numbers must",
    ),
    "numpy's": (lambda x: x * GENERATOR.random(), "other values each time: random numbers must come from draw"),
    "the batch": (lambda x: x / x.amax() * 255, "other values for a batch of one image than for 4: an image's"),
}


@pytest.mark.parametrize("what", RETURNS)
def test_what_it_returns_is_checked(what: str) -> None:
    value, message = RETURNS[what]
    with pytest.raises(UserError) as refused:
        tried(returned(value))
    line = str(refused.value)
    assert line.startswith(f"corruption Fog (test_own.returned.<locals>.fog) returns {message}")
    assert "\n" not in line


def no_draw(images: Tensor) -> Tensor:
    return images


def with_density(images: Tensor, draw: Draw, density: float) -> Tensor:
    return images * density


CALLS = {
    "no draw": (no_draw, "(test_own.no_draw): it can't be called with (images, draw): too many positional arguments."),
    "a key is missing": (
        partial(with_density),
        "(test_own.with_density): it can't be called with (images, draw): missing a required argument: 'density'.",
    ),
    "a key is misspelt": (
        partial(with_density, density=1, densty=1),
        "(test_own.with_density): it can't be called with (images, draw): got an unexpected keyword argument 'densty'.",
    ),
    "a number": (3, "is no function but int: write _target_ and _partial_: true."),
}


@pytest.mark.parametrize("what", CALLS)
def test_it_must_take_images_and_draw(what: str) -> None:
    function, message = CALLS[what]
    with pytest.raises(UserError) as refused:
        Corruption({"Fog": function})
    assert str(refused.value) == f"corruption Fog {message}"


def test_an_error_of_a_later_batch_is_one_line_with_its_place() -> None:
    def fog(images: Tensor, draw: Draw) -> Tensor:
        return images.view(4, 1, 16, 16)

    corruption = Corruption({"Fog": fog})
    with pytest.raises(
        UserError, match=r"^corruption Fog \(.*fog\): RuntimeError: shape .* \(.*test_own.py, line \d+\)$"
    ):
        corruption.apply(IMAGES[:3], ("Fog",), "test", INDEX[:3])


def test_rounding_is_cut_off_and_shapes_of_the_study_are_no_mistake() -> None:
    mask = torch.ones(16, 16)
    corruption = tried(returned(lambda x: x * mask + 0.001))
    assert corruption.apply(IMAGES, ("Fog",), "test", INDEX).max() == 255


def test_random_generators_are_left_as_they_were() -> None:
    def fog(images: Tensor, draw: Draw) -> Tensor:
        torch.manual_seed(0)
        return images * torch.rand(16, 16)

    before = torch.get_rng_state()
    tried(fog).apply(IMAGES, ("Fog",), "test", INDEX)
    assert torch.equal(torch.get_rng_state(), before)


def test_draws_of_its_own_are_those_of_the_image() -> None:
    def fog(images: Tensor, draw: Draw) -> Tensor:
        return images * draw.uniform(1, 16, 16)

    whole = tried(fog).apply(IMAGES, ("Fog",), "test", INDEX)
    expected = IMAGES * Draw.of(0, "test", INDEX, 0, "Fog").uniform(1, 16, 16)
    assert torch.equal(whole, expected)


def test_functions_of_the_package_are_not_held_up() -> None:
    assert not any(is_own(f) or is_own(partial(f, severity=1)) for f in ELEMENTAL.values())
    assert is_own(brighter) and is_own(partial(brighter)) and is_own(torch.flip) and is_own(3)


def test_one_image_at_a_time() -> None:
    with pytest.raises(UserError, match=r"corruption Fog \(.*\) returns float64"):
        Corrupt("Fog", elemental={"Fog": returned(lambda x: x.double())})(np.zeros((8, 8), np.uint8))


def test_an_unused_function_is_not_tried() -> None:
    Corruption({**ELEMENTAL, "Fog": 3}, names=["Invert"]).try_out(IMAGES, "train", INDEX)
    with pytest.raises(UserError, match="corruption Fog"):
        Corruption({**ELEMENTAL, "Fog": no_draw}, names=["Invert"]).try_out(IMAGES, "train", INDEX, names=["Fog"])
