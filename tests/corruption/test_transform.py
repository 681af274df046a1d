"""The transform of one image: every kind in, the same kind out, the same values."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from modrobust.corruption.corruption import Corruption, quantize
from modrobust.corruption.draw import Draw
from modrobust.corruption.swirl import swirl
from modrobust.corruption.transform import ELEMENTAL, Corrupt
from modrobust.errors import UserError

RGB = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
GREY = RGB[..., 0].copy()


def fog(images: Tensor, draw: Draw, severity: int = 1) -> Tensor:
    return images / (severity + 1)


@pytest.mark.parametrize("composition", ["Contrast-Swirl", "ImpulseNoise", "Rotate90-Contrast", "Identity"])
@pytest.mark.parametrize("array", [GREY, RGB], ids=["grey", "rgb"])
def test_kinds(array: np.ndarray, composition: str) -> None:
    corrupt = Corrupt(composition)
    before = array.copy()
    expected = corrupt(array)
    assert expected.dtype == np.uint8
    assert expected.shape == array.shape
    assert np.array_equal(expected, array) == (composition == "Identity")

    image = Image.fromarray(array)
    corrupted = corrupt(image)
    assert corrupted.mode == image.mode
    assert np.array_equal(np.asarray(corrupted), expected)

    planes = torch.from_numpy(array) if array.ndim == 2 else torch.from_numpy(array).permute(2, 0, 1)
    wanted = torch.from_numpy(expected) if array.ndim == 2 else torch.from_numpy(expected).permute(2, 0, 1)
    assert torch.equal(corrupt(planes), wanted)
    floating = corrupt(planes / 255)
    assert floating.dtype == torch.float32
    assert torch.equal(floating, wanted / 255)
    assert corrupt(planes.double() / 255).dtype == torch.float64
    assert np.array_equal(array, before)


def test_same_as_the_batched_engine() -> None:
    images = torch.from_numpy(RGB).permute(2, 0, 1)
    engine = Corruption(ELEMENTAL).apply(images[None], ("Contrast", "Swirl"), "test", torch.tensor([3]))
    assert torch.equal(Corrupt("Contrast-Swirl")(images), quantize(engine)[0])


def test_noise_is_keyed_by_content_and_seed() -> None:
    corrupt = Corrupt("ImpulseNoise")
    other = GREY.copy()
    other[0, 0] ^= 1
    assert np.array_equal(corrupt(GREY), Corrupt("ImpulseNoise")(GREY))
    assert (corrupt(GREY) != corrupt(other)).mean() > 0.2
    assert (corrupt(GREY) != Corrupt("ImpulseNoise", seed=1)(GREY)).mean() > 0.2


def test_severity_and_own_corruptions() -> None:
    weak, strong = (Corrupt("Swirl", severity={"Swirl": s})(GREY) for s in (1, 5))
    assert not np.array_equal(weak, strong)
    own = Corrupt("Fog-Invert", severity={"Fog": 3}, elemental={"Fog": fog})
    assert np.array_equal(own(GREY), quantize(255 - torch.from_numpy(GREY).float() / 4).numpy())
    bound = Corrupt("MySwirl", elemental={"MySwirl": partial(swirl, severity=5)})
    assert np.array_equal(bound(GREY), strong)


def test_in_a_pipeline_and_in_workers() -> None:
    corrupt = pickle.loads(pickle.dumps(Corrupt("Contrast-ImpulseNoise")))
    pipeline = v2.Compose([corrupt, v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    assert pipeline(Image.fromarray(RGB)).shape == (3, 24, 24)


def test_images_need_not_be_square() -> None:
    low = RGB[:, :20]
    for name in ELEMENTAL:
        for composition in (name, f"Rotate90-{name}"):
            assert Corrupt(composition)(low).shape == low.shape
            assert not np.array_equal(Corrupt(composition)(low), low)


def test_mistakes() -> None:
    with pytest.raises(UserError, match=r"Image \(mode RGBA\)\. Allowed: PIL images L or RGB"):
        Corrupt("Swirl")(Image.fromarray(RGB).convert("RGBA"))
    with pytest.raises(UserError, match=r"ndarray \(float64\)"):
        Corrupt("Swirl")(RGB / 255)
    with pytest.raises(UserError, match="Tensor"):
        Corrupt("Swirl")(torch.zeros(1, 3, 8, 8))
    with pytest.raises(UserError, match="Did you mean 'Swirl'"):
        Corrupt("Swril")
    with pytest.raises(UserError, match="corruption Swirl: severity is 9"):
        Corrupt("Swirl", severity={"Swirl": 9})
    with pytest.raises(UserError, match="Invert has no severity"):
        Corrupt("Invert", severity={"Invert": 1})
    with pytest.raises(UserError, match=r"unknown corruption 'swirl'\. Did you mean 'Swirl'"):
        Corrupt("Swirl", severity={"swirl": 1})
