"""The elementary corruptions: golden values, any batch, any size, untouched inputs."""

import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from published import compare, published
from skimage import transform
from torch import Tensor

from modrobust.corruption.composition import parse
from modrobust.corruption.corruption import Corruption, quantize
from modrobust.corruption.draw import Draw
from modrobust.corruption.transform import ELEMENTAL
from modrobust.errors import UserError

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "corruptions.npz"))
WITH_SEVERITY = ("Contrast", "GaussianBlur", "ImpulseNoise", "Swirl")


def golden(key: str) -> Tensor:
    """The images under a key as (B, C, H, H)."""
    images = torch.from_numpy(GOLDEN[key])
    return images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()


def random_images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 255


def draw(images: Tensor) -> Draw:
    return Draw.of(0, "test", torch.arange(len(images)), 0, "name")


@published
@pytest.mark.parametrize("key", [k for k in GOLDEN if k.startswith("corrupt/") and "Identity" not in k])
def test_golden(key: str) -> None:
    _, images, name, severity = key.split("/")
    inputs = golden(f"input/{images}").float()
    function = partial(ELEMENTAL[name], severity=int(severity)) if int(severity) else ELEMENTAL[name]
    corrupted = function(inputs, draw(inputs))
    compare("the six corruptions, every severity (of 255)", corrupted, golden(key))
    assert (corrupted - golden(key)).abs().max() < 0.01


@published
@pytest.mark.parametrize("key", [k for k in GOLDEN if k.startswith("chain/")])
def test_golden_chain(key: str) -> None:
    _, images, chain = key.split("/")
    inputs = golden(f"input/{images}")
    corrupted = Corruption(ELEMENTAL).apply(inputs, parse(chain), "test", torch.arange(len(inputs)))
    compare("their compositions, rounded (of 255)", quantize(corrupted), golden(key))
    difference = (quantize(corrupted).int() - golden(key).int()).abs()
    assert difference.max() <= 1
    assert difference.float().mean() <= 0.002


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 8, 8), (1, 28, 28), (3, 32, 32), (3, 33, 33), (3, 20, 33), (3, 100, 100)], ids=str
)
@pytest.mark.parametrize("name", ELEMENTAL)
def test_equal_bits_in_every_batch(name: str, shape: tuple[int, int, int]) -> None:
    images = random_images(67, *shape)
    index = torch.arange(67) * 1000
    corruption = Corruption(ELEMENTAL)

    def corrupt(chosen: Tensor) -> Tensor:
        return corruption.apply(images[chosen], (name,), "test", index[chosen])

    one_by_one = torch.cat([corrupt(torch.tensor([i])) for i in range(67)])
    for batch in (2, 3, 5, 7, 13, 16, 31, 64, 67):
        together = torch.cat([corrupt(part) for part in torch.arange(67).split(batch)])
        assert torch.equal(together, one_by_one), f"batches of {batch}"
    shuffled = torch.randperm(67, generator=torch.Generator().manual_seed(1))
    assert torch.equal(corrupt(shuffled), one_by_one[shuffled])


@pytest.mark.parametrize("size", [28, 33])
@pytest.mark.parametrize("name", ELEMENTAL)
def test_equal_bits_with_two_threads(name: str, size: int) -> None:
    images = random_images(300, 1, size, size)
    corruption, index = Corruption(ELEMENTAL), torch.arange(300)
    threads = torch.get_num_threads()
    results = []
    for number in (1, 2):
        torch.set_num_threads(number)
        results.append(corruption.apply(images, (name,), "test", index))
        results.append(torch.cat([results[-1][:-9], corruption.apply(images[-9:], (name,), "test", index[-9:])]))
    torch.set_num_threads(threads)
    assert all(torch.equal(result, results[0]) for result in results)


@pytest.mark.parametrize("size", [8, 28, 33, 100])
@pytest.mark.parametrize("name", ["Contrast", "GaussianBlur"])
def test_sums_are_exact(name: str, size: int) -> None:
    """Mirrored and transposed images are summed in other orders: the bits do not depend on the order."""
    images = random_images(20, 1, size, size)
    expected = ELEMENTAL[name](images, draw(images))
    for change in (lambda x: x.flip(2), lambda x: x.flip(3), lambda x: x.mT.contiguous()):
        assert torch.equal(ELEMENTAL[name](change(images), draw(images)), change(expected))


@pytest.mark.parametrize(
    "shape", [(2, 1, 8, 8), (2, 3, 28, 28), (2, 3, 32, 32), (2, 1, 100, 100), (2, 3, 9, 40)], ids=str
)
@pytest.mark.parametrize("name", ELEMENTAL)
def test_contract(name: str, shape: tuple[int, ...]) -> None:
    images = random_images(*shape)
    before = images.clone()
    severities = range(1, 6) if name in WITH_SEVERITY else [None]
    for severity in severities:
        parameters = {} if severity is None else {"severity": severity}
        corrupted = ELEMENTAL[name](images, draw(images), **parameters)
        assert corrupted.shape == images.shape
        assert corrupted.dtype == torch.float32
        assert corrupted.is_contiguous()
        assert corrupted.min() >= -1e-4
        assert corrupted.max() <= 255 + 1e-4
        assert not torch.equal(corrupted, images)
        corrupted.zero_()
        assert torch.equal(images, before)


@pytest.mark.parametrize("name", [n for n in ELEMENTAL if n not in ("ImpulseNoise",)])
def test_channels_are_corrupted_alike(name: str) -> None:
    grey = random_images(3, 1, 16, 16)
    rgb = ELEMENTAL[name](grey.expand(-1, 3, -1, -1), draw(grey))
    assert torch.equal(rgb, ELEMENTAL[name](grey, draw(grey)).expand(-1, 3, -1, -1))


@pytest.mark.parametrize("name", ["Contrast", "GaussianBlur", "Rotate90", "Swirl"])
@pytest.mark.parametrize("level", [0.0, 77.0, 255.0])
@pytest.mark.parametrize("size", [(32, 32), (17, 40)], ids=str)
def test_flat_images_stay_as_they_are(name: str, level: float, size: tuple[int, int]) -> None:
    flat = torch.full((2, 3, *size), level)
    assert torch.equal(quantize(ELEMENTAL[name](flat, draw(flat))), flat.to(torch.uint8))


def test_four_quarter_turns_and_two_inversions_are_nothing() -> None:
    images = random_images(2, 3, 9, 9).round()
    turned = images
    for _ in range(4):
        turned = ELEMENTAL["Rotate90"](turned, draw(images))
    assert torch.equal(turned, images)
    assert torch.equal(ELEMENTAL["Invert"](ELEMENTAL["Invert"](images, draw(images)), draw(images)), images)


def test_a_quarter_turn_of_an_image_that_is_not_square_shows_all_of_it_at_its_old_size() -> None:
    images = torch.zeros(1, 1, 20, 40)
    images[:, :, :10] = 255  # the upper half, which comes to the left
    turned = ELEMENTAL["Rotate90"](images, draw(images))
    assert torch.equal(turned[..., :18], torch.full((1, 1, 20, 18), 255.0))
    assert torch.equal(turned[..., 22:], torch.zeros(1, 1, 20, 18))
    smooth = random_images(1, 1, 3, 4)
    smooth = torch.nn.functional.interpolate(smooth, size=(24, 40), mode="bicubic", align_corners=False).clamp(0, 255)
    again = smooth
    for _ in range(4):
        again = ELEMENTAL["Rotate90"](again, draw(smooth))
    assert (again - smooth).abs().mean() < 4


@pytest.mark.parametrize("size", [(20, 33), (50, 10)], ids=str)
def test_swirl_of_an_image_that_is_not_square_is_scikit_image_s(size: tuple[int, int]) -> None:
    (height, width), images = size, random_images(1, 1, *size)
    expected = transform.swirl(
        images[0, 0].double().numpy() / 255,
        center=(width / 2, height / 2),
        strength=3,
        radius=math.hypot(height, width) / 2,
        mode="reflect",
        order=1,
    )
    swirled = ELEMENTAL["Swirl"](images, draw(images), severity=3)
    np.testing.assert_allclose(swirled[0, 0] / 255, expected, atol=1e-4)


@pytest.mark.parametrize("severity", [0, 6, 9, -1, 2.5, "3"])
@pytest.mark.parametrize("name", WITH_SEVERITY)
def test_bad_severity(name: str, severity: object) -> None:
    images = random_images(1, 1, 8, 8)
    with pytest.raises(UserError, match=rf"severity is {severity!r}.* 1 to 5"):
        ELEMENTAL[name](images, draw(images), severity=severity)
