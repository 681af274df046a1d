"""The nineteen common corruptions: published values, any batch, any size."""

import importlib
import json
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import plain_common
import pytest
import torch
from published import compare, published
from torch import Tensor

from modrobust.corruption.common.names import COMMON
from modrobust.corruption.common.table import parameters
from modrobust.corruption.composition import parse
from modrobust.corruption.corruption import Corruption, quantize
from modrobust.corruption.draw import Draw
from modrobust.corruption.transform import Corrupt
from modrobust.errors import UserError

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "common.npz"))
RANDOM = json.loads((Path(__file__).parents[1] / "golden" / "common_random.json").read_text(encoding="utf-8"))
BY_PUBLISHED_NAME = {function.__name__: name for name, function in COMMON.items()}
EXACT = (
    "brightness",
    "contrast",
    "defocus_blur",
    "gaussian_blur",
    "jpeg_compression",
    "pixelate",
    "saturate",
    "zoom_blur",
)
TOLERANCE = {
    "brightness": 0.05,
    "saturate": 0.05,
    "defocus_blur": 0.1,
    "zoom_blur": 0.1,
    "jpeg_compression": 0,
    "pixelate": 0,
}


def random_images(*shape: int) -> Tensor:
    """Smooth in parts, with noise, black and white: float32, not whole."""
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    ramp = torch.linspace(-100, 255, shape[-1]) + torch.linspace(0, 100, shape[-2])[:, None]
    return (ramp + 100 * noise).clamp(0, 255)


def planes(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().contiguous()


def draw(images: Tensor) -> Draw:
    return Draw.of(0, "test", torch.arange(len(images)), 0, "name")


def tables(name: str) -> dict:
    """The severity tables of a corruption: what its file begins with."""
    module = importlib.import_module(f"modrobust.corruption.common.{COMMON[name].__name__}")
    found = [value for value in vars(module).values() if isinstance(value, dict) and set(value) == {32, 224}]
    return module.TABLES if hasattr(module, "TABLES") else found[0]


@published
@pytest.mark.parametrize("key", [key.removesuffix("/values") for key in GOLDEN if key.endswith("/values")])
def test_golden(key: str) -> None:
    table, name, severity = key.split("/")
    images = planes(GOLDEN[f"{table}_images"][GOLDEN[f"{key}/index"]])
    corrupted = COMMON[BY_PUBLISHED_NAME[name]](images, draw(images), int(severity)).permute(0, 2, 3, 1).flatten(1)
    values = corrupted[:, GOLDEN[f"{table}_positions"]].numpy()
    compare("the eight common corruptions without chance (of 255)", values, GOLDEN[f"{key}/values"])
    assert abs(values - GOLDEN[f"{key}/values"]).max() <= TOLERANCE.get(name, 0.01)
    assert corrupted.double().mean(1).numpy() == pytest.approx(GOLDEN[f"{key}/mean"], abs=0.01)


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("table", [32, 224])
@pytest.mark.parametrize("name", EXACT)
def test_like_the_plain_one(name: str, table: int, severity: int) -> None:
    image = GOLDEN["cifar_images"][3] if table == 32 else GOLDEN["imagenet_images"][0]
    plain, function = getattr(plain_common, name), COMMON[BY_PUBLISHED_NAME[name]]
    row = tables(BY_PUBLISHED_NAME[name])[table][severity - 1]
    corrupted = function(planes(image[None]), draw(torch.zeros(1)), severity, table)[0].permute(1, 2, 0).numpy()
    assert abs(corrupted - plain(image, row, None)).max() <= TOLERANCE.get(name, 0.01)


def numbers(corrupted: Tensor, image: Tensor) -> dict[str, float]:
    return {
        "red": corrupted[:, 0].mean().item(),
        "green": corrupted[:, 1].mean().item(),
        "blue": corrupted[:, 2].mean().item(),
        "mean_abs_change": (corrupted - image).abs().mean().item(),
        "std_within": corrupted.std((2, 3)).mean().item(),
        "neighbour_difference": corrupted.diff(dim=3).abs().mean().item(),
    }


@pytest.mark.parametrize("key", [key for key in RANDOM if key.startswith("cifar") or key.endswith("3")])
def test_random_ones_within_the_bands(key: str) -> None:
    published = RANDOM[key]
    table, name, severity = key.split("/")
    image = planes(GOLDEN[f"{table}_images"][:1])
    n = 150 if table == "cifar" else 64 if name == "frost" else 24 if name == "elastic_transform" else 8
    corrupted = COMMON[BY_PUBLISHED_NAME[name]](image.expand(n, -1, -1, -1), draw(torch.zeros(n)), int(severity))
    found = numbers(corrupted, image)
    change = (corrupted - image).abs().mean((1, 2, 3))
    both = (published["draws"] ** -1 + n**-1) ** 0.5  # the published error is not known well from two draws
    error = max(4 * change.std().item() * both, 4 * published["standard_error_of_change"])
    expected = {**dict(zip(("red", "green", "blue"), published["mean"], strict=True)), **published}
    loose = name in ("fog", "snow", "spatter", "frost")
    assert found["mean_abs_change"] == pytest.approx(
        expected["mean_abs_change"], **({"rel": 0.15} if loose else {"abs": error})
    )
    for one, value in found.items():
        assert value == pytest.approx(expected[one], rel=0.15 if loose else 0.1), one


@pytest.mark.parametrize("shape", [(20, 3, 32, 32), (9, 1, 28, 45)], ids=str)
@pytest.mark.parametrize("name", COMMON)
def test_equal_bits_in_every_batch(name: str, shape: tuple[int, ...]) -> None:
    images = random_images(*shape)
    index = torch.arange(shape[0]) * 1000
    corruption = Corruption(COMMON)

    def corrupt(chosen: Tensor) -> Tensor:
        return corruption.apply(images[chosen], (name,), "test", index[chosen])

    every = torch.arange(shape[0])
    threads, made = torch.get_num_threads(), {}
    for number in (1, 2):
        torch.set_num_threads(number)
        for batch in (3, shape[0]):
            made[number, batch] = torch.cat([corrupt(part) for part in every.split(batch)])
    torch.set_num_threads(threads)
    together = made.pop((1, shape[0]))
    for how, other in made.items():
        assert torch.equal(other, together), how
    for i in (0, 4, shape[0] - 1):
        assert torch.equal(corrupt(every[i : i + 1])[0], together[i])
    shuffled = torch.randperm(shape[0], generator=torch.Generator().manual_seed(1))
    assert torch.equal(corrupt(shuffled), together[shuffled])


SMALL, LARGE = [(2, 1, 8, 8), (2, 1, 28, 28), (2, 3, 33, 47), (2, 2, 9, 20)], [(1, 3, 224, 320)]


@pytest.mark.parametrize("name", COMMON)
def test_contract(name: str) -> None:
    ends = [(shape, table, severity) for shape in SMALL for table in (32, 224) for severity in (1, 5)]
    between = [(SMALL[2], table, severity) for table in (32, 224) for severity in (2, 3, 4)]
    for shape, table, severity in [*ends, *between, *((shape, None, 4) for shape in (*SMALL, *LARGE))]:
        images = random_images(*shape)
        before = images.clone()
        corrupted = COMMON[name](images, draw(images), severity, table)
        assert corrupted.shape == images.shape
        assert corrupted.dtype == torch.float32
        assert corrupted.is_contiguous()
        assert corrupted.min() >= -1e-4  # NaN fails, too
        assert corrupted.max() <= 255 + 1e-4
        if min(shape[-2:]) > 28:  # on few pixels no drop may fall
            assert not torch.equal(corrupted, images)
        corrupted.zero_()
        assert torch.equal(images, before)


@pytest.mark.parametrize("level", [0.0, 77.0, 255.0])
@pytest.mark.parametrize("name", COMMON)
def test_flat_images(name: str, level: float) -> None:
    flat = torch.full((2, 3, 32, 32), level)
    corrupted = COMMON[name](flat, draw(flat), 5)
    assert corrupted.isfinite().all()
    if name.endswith("Blur") or name in ("CommonContrast", "ElasticTransform", "Pixelate"):
        assert torch.equal(quantize(corrupted), flat.to(torch.uint8))


def test_jpeg_is_that_of_pillow() -> None:
    for image in (GOLDEN["imagenet_images"][0][:61, :83], GOLDEN["cifar_images"][1]):
        for severity in range(1, 6):
            for table, qualities in tables("JpegCompression").items():
                made = COMMON["JpegCompression"](planes(image[None]), draw(torch.zeros(1)), severity, table)
                plain = plain_common.jpeg_compression(image, qualities[severity - 1], None)
                assert np.array_equal(made[0].permute(1, 2, 0).numpy(), plain)
                grey = COMMON["JpegCompression"](planes(image[None, :, :, :1]), draw(torch.zeros(1)), severity, table)
                plain = plain_common.jpeg_compression(image[:, :, 0].copy(), qualities[severity - 1], None)
                assert np.array_equal(grey[0, 0].numpy(), plain)


def test_grey_is_like_each_channel() -> None:
    grey = random_images(2, 1, 32, 40)
    for name in (
        "ZoomBlur",
        "DefocusBlur",
        "GlassBlur",
        "MotionBlur",
        "Fog",
        "ElasticTransform",
        "Pixelate",
        "Brightness",
    ):
        rgb = COMMON[name](grey.expand(-1, 3, -1, -1), draw(grey), 4)
        assert torch.allclose(rgb, COMMON[name](grey, draw(grey), 4).expand(-1, 3, -1, -1), atol=1e-4), name


def test_glass_follows_chains_of_pixels() -> None:
    """As the published loops: from the bottom right, each pixel takes what its neighbour has by then."""
    from modrobust.corruption.common.glass_blur import _sources

    height, width, offset = 13, 17, 3
    size = (height - 2 * offset, width - 2 * offset)
    moves = Draw("x", torch.arange(2)).bits(*size).view(torch.int16).view(2, *size, 2).int()
    moves = ((moves + 2**15) * (2 * offset) >> 16) - offset
    assert moves.min() == -offset
    assert moves.max() == offset - 1
    for image, made in enumerate(_sources(Draw("x", torch.arange(2)), height, width, offset)):
        pixels = np.arange(height * width).reshape(height, width)
        for i in range(height - offset, offset, -1):
            for j in range(width - offset, offset, -1):
                down, right = moves[image, i - offset - 1, j - offset - 1].tolist()
                pixels[i, j] = pixels[i + down, j + right]
        assert np.array_equal(made.view(height, width).numpy(), pixels)


def test_motion_is_that_of_shifted_copies() -> None:
    from modrobust.corruption.common.lines import moved

    image = random_images(3, 20, 31).numpy()
    for angle in (-135, -80, -45, 0, 13.7, 45):
        plain = plain_common.along_line(image.transpose(1, 2, 0), 9, 4.0, angle).transpose(2, 0, 1)
        assert abs(moved(image, 9, 4.0, angle) - plain).max() < 0.001


def test_poisson() -> None:
    image = torch.tensor([0, 90, 40, 254.6]).view(1, 1, 2, 2).expand(20000, 1, 2, 2).contiguous()
    for severity, photons in ((1, 500), (5, 50)):
        counts = COMMON["ShotNoise"](image, draw(image), severity, 32).flatten(1) * photons / 255
        mean = torch.tensor([0, 90, 40, 255.0]) / 255 * photons
        counts = counts[:, :3]  # white is clipped
        assert torch.allclose(counts.mean(0), mean[:3], rtol=0.02)
        assert torch.allclose(counts.var(0), mean[:3], rtol=0.06)


@pytest.mark.parametrize(
    ("size", "nearer", "scale"),
    [(28, 32, 28 / 32), (32, 32, 1), (84, 32, 84 / 32), (85, 224, 85 / 224), (224, 224, 1), (500, 224, 500 / 224)],
)
def test_nearer_table(size: int, nearer: int, scale: float) -> None:
    assert parameters({32: [32] * 5, 224: [224] * 5}, torch.empty(1, 1, size, size + 9), 2, None) == (nearer, scale)


def test_bad_parameters() -> None:
    images = random_images(1, 1, 8, 8)
    for name, function in COMMON.items():
        for severity in (0, 6, 2.5, "3"):
            with pytest.raises(UserError, match=rf"severity is {severity!r}.* 1 to 5"):
                function(images, draw(images), severity)
        with pytest.raises(UserError, match="table is 64: allowed are 32 and 224, or null"):
            function(images, draw(images), 1, 64)
        with pytest.raises(UserError, match=f"corruption {name}: table is 64"):
            Corruption({name: partial(function, table=64)})


def test_composed_and_as_a_transform() -> None:
    image = GOLDEN["cifar_images"][0]
    corrupted = Corrupt("Snow-CommonContrast-JpegCompression", severity={"Snow": 5})(image)
    assert corrupted.shape == image.shape
    assert np.array_equal(corrupted, Corrupt("Snow-CommonContrast-JpegCompression", severity={"Snow": 5})(image))
    apply = Corruption(COMMON).apply
    both = apply(planes(image[None]), parse("Fog-Frost"), "test", torch.arange(1))
    fog = apply(planes(image[None]), parse("Fog"), "test", torch.arange(1))
    assert torch.equal(both, Corruption(COMMON).step(fog, "Frost", 1, "test", torch.arange(1)))


def test_opencv_threads_change_nothing() -> None:
    images = random_images(2, 3, 224, 224)
    threads = cv2.getNumThreads()
    made = []
    for number in (1, 2):
        cv2.setNumThreads(number)
        made.append([COMMON[name](images, draw(images), 5) for name in ("DefocusBlur", "Spatter", "MotionBlur")])
    cv2.setNumThreads(threads)
    assert all(torch.equal(one, two) for one, two in zip(*made, strict=True))
