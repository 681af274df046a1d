"""Random numbers: uniform, independent, and the same whatever the batch."""

import pytest
import torch
from torch import Tensor

from modrobust.corruption.draw import Draw
from modrobust.corruption.impulse_noise import AMOUNT, impulse_noise

BASE = {"seed": 0, "split": "test", "position": 0, "name": "ImpulseNoise", "epoch": None}


def drawn(index: Tensor, **changed: object) -> Draw:
    return Draw.of(index=index, **{**BASE, **changed})


def correlation(a: Tensor, b: Tensor) -> float:
    """In standard errors of no correlation."""
    both = torch.stack((a.double().flatten(), b.double().flatten()))
    return torch.corrcoef(both)[0, 1].item() * a.numel() ** 0.5


def hits(index: Tensor, **changed: object) -> Tensor:
    """-1 pepper, 0 none, 1 salt: (B, 784)."""
    grey = torch.full((len(index), 1, 28, 28), 100.0)
    noisy = impulse_noise(grey, drawn(index, **changed))
    return ((noisy == 255).float() - (noisy == 0).float()).flatten(1)


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_impulse_noise_statistics(severity: int, channels: int) -> None:
    grey = torch.full((1000, channels, 28, 28), 100.0)
    noisy = impulse_noise(grey, drawn(torch.arange(1000)), severity)
    amount, number = AMOUNT[severity - 1], grey.numel()
    salt, pepper = (noisy == 255).sum().item(), (noisy == 0).sum().item()
    assert salt + pepper + (noisy == 100).sum().item() == number
    error = (amount * (1 - amount) / number) ** 0.5
    assert abs((salt + pepper) / number - amount) < 4 * error + 2**-16
    assert abs(salt / (salt + pepper) - 0.5) < 4 * 0.5 / (salt + pepper) ** 0.5 + 2**-14


def test_impulse_noise_spares_no_pixel_and_varies_like_coins() -> None:
    hit = hits(torch.arange(4000)).abs()
    assert set(hits(torch.arange(10)).unique().tolist()) == {-1, 0, 1}
    expected = (0.27 * 0.73) ** 0.5
    for axis in (0, 1):  # per pixel over images, per image over pixels
        number = hit.shape[axis]
        z = (hit.mean(axis) - 0.27) / expected * number**0.5
        assert 0.9 < z.std() < 1.1
        assert z.abs().max() < 5


def test_channels_are_hit_on_their_own() -> None:
    noisy = impulse_noise(torch.full((500, 3, 28, 28), 100.0), drawn(torch.arange(500)))
    hit = noisy != 100
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert abs(correlation(hit[:, a], hit[:, b])) < 4


@pytest.mark.parametrize(
    "changed",
    [{"seed": 1}, {"split": "valid"}, {"position": 1}, {"name": "Other"}, {"epoch": 0}, {"epoch": 1}],
    ids=str,
)
def test_independent_of_other_purposes(changed: dict[str, object]) -> None:
    index = torch.arange(1000)
    assert abs(correlation(hits(index), hits(index, **changed))) < 4


@pytest.mark.parametrize("lag", [1, 2, 3, 16, 256])
def test_images_are_independent(lag: int) -> None:
    noise = hits(torch.arange(1500))
    assert abs(correlation(noise[lag:], noise[:-lag])) < 4
    assert abs(correlation(noise[lag:].abs(), noise[:-lag].abs())) < 4


@pytest.mark.parametrize("shift", [1, 2, 28, 392])
def test_pixels_are_independent(shift: int) -> None:
    noise = hits(torch.arange(1500))
    assert abs(correlation(noise[:, shift:], noise[:, :-shift])) < 4
    assert abs(correlation(noise[:, shift:].abs(), noise[:, :-shift].abs())) < 4


@pytest.mark.parametrize("step", [1, 2**10, 2**32, 2**40 + 1])
def test_all_pairs_of_images(step: int) -> None:
    noise = hits(torch.arange(512) * step).double()
    noise -= noise.mean(1, keepdim=True)
    noise /= noise.norm(dim=1, keepdim=True)
    z = (noise @ noise.T)[torch.triu_indices(512, 512, 1).unbind()] * 784**0.5
    assert abs(z.mean()) < 0.02
    assert 0.98 < z.std() < 1.02
    assert z.abs().max() < 6


def test_images_share_no_stream_in_another_order() -> None:
    bits = drawn(torch.arange(200)).bits(784).sort(dim=1).values
    shared = [len(set(bits[0].tolist()) & set(row.tolist())) for row in bits[1:]]
    assert max(shared) <= 2


def test_every_bit_is_even() -> None:
    bits = drawn(torch.arange(500)).bits(784)
    ones = torch.stack([(bits >> i & 1).double().mean() for i in range(32)])
    assert ((ones - 0.5).abs() < 5 * 0.5 / bits.numel() ** 0.5).all()


@pytest.mark.parametrize("kind", ["bits", "uniform", "normal"])
def test_equal_bits_in_every_batch(kind: str) -> None:
    index = torch.arange(512) * 7919
    together = getattr(drawn(index), kind)(3, 11)
    assert together.shape == (512, 3, 11)
    for i in (0, 1, 77, 511):
        assert torch.equal(getattr(drawn(index[i : i + 1]), kind)(3, 11)[0], together[i])
    assert torch.equal(getattr(drawn(index.flip(0)), kind)(3, 11), together.flip(0))


def test_known_bits() -> None:
    """The numbers are the same on every machine and in every version: changing them changes all noise."""
    assert drawn(torch.tensor([0, 1, 2**40])).bits(2).tolist() == KNOWN


KNOWN = [[-762072833, 377386635], [259377416, 525522698], [1772039385, 1652077154]]


def test_calls_are_independent() -> None:
    source = drawn(torch.arange(500))
    first, second = source.uniform(300), source.uniform(300)
    assert abs(correlation(first, second)) < 4
    assert not torch.equal(first, second)


def test_uniform() -> None:
    values = drawn(torch.arange(1000)).uniform(500)
    assert values.min() >= 0
    assert values.max() < 1
    counts = torch.histc(values, 100, 0, 1)
    chi_square = ((counts - 5000) ** 2 / 5000).sum()
    assert 60 < chi_square < 150


def test_normal() -> None:
    values = drawn(torch.arange(1000)).normal(1000).double()
    number = values.numel() ** 0.5
    assert abs(values.mean()) < 4 / number
    assert abs(values.var() - 1) < 4 * 2**0.5 / number
    assert abs((values**3).mean()) < 4 * 15**0.5 / number
    assert abs((values**4).mean() - 3) < 4 * 96**0.5 / number
    assert abs((values.abs() > 3).double().mean() - 0.0026998) < 2.5e-4
    assert 4.2 < values.abs().max() < 5
