"""A study's corruptions: chains, shared prefixes, mistakes; built by Hydra; one more from outside."""

from functools import partial
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from torch import Tensor

from modrobust.corruption.composition import sample
from modrobust.corruption.contrast import contrast
from modrobust.corruption.corruption import Corruption, quantize
from modrobust.corruption.transform import ELEMENTAL
from modrobust.errors import UserError

CONF = Path(__file__).parents[2] / "conf"
INDEX = torch.arange(5)
IMAGES = torch.randint(256, (5, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def build(tmp_path: Path, *overrides: str, choice: str = "six") -> Corruption:
    """Compose the group from a configuration of the test's own, and instantiate."""
    (tmp_path / "main.yaml").write_text(
        f"defaults: [{{corruption: {choice}}}, _self_]\n"
        f"hydra: {{searchpath: ['file://{CONF}', 'file://{tmp_path}/more']}}\n"
    )
    (tmp_path / "more").mkdir(exist_ok=True)
    with initialize_config_dir(str(tmp_path), version_base=None):
        return instantiate(compose("main", list(overrides)).corruption)


def mistake(tmp_path: Path, *overrides: str) -> str:
    with pytest.raises(InstantiationException) as caught:
        build(tmp_path, *overrides)
    assert isinstance(caught.value.__cause__, UserError)
    return str(caught.value.__cause__)


def test_six(tmp_path: Path) -> None:
    corruption = build(tmp_path)
    assert corruption.names == tuple(ELEMENTAL)
    assert corruption.compositions == sample(ELEMENTAL)
    assert len(corruption.compositions) == 167


def test_six_has_the_severities_of_the_functions(tmp_path: Path) -> None:
    configured, plain = build(tmp_path), Corruption(ELEMENTAL)
    for name in ELEMENTAL:
        arguments = (IMAGES, (name,), "test", INDEX)
        assert torch.equal(configured.apply(*arguments), plain.apply(*arguments))


def test_images_are_corrupted_in_float32_whatever_a_network_computes_in() -> None:
    def soften(images: Tensor, draw: object) -> Tensor:
        return images @ torch.eye(16).roll(1, 0).add(torch.eye(16)).div(2)

    corruption = Corruption({"Soften": soften})
    plain = corruption.step(IMAGES, "Soften", 0, "test", INDEX)
    with torch.autocast("cpu", torch.bfloat16):
        assert (IMAGES.float() @ torch.eye(16)).dtype == torch.bfloat16
        rough = corruption.step(IMAGES, "Soften", 0, "test", INDEX)
    assert rough.dtype == torch.float32 and torch.equal(rough, plain)


def test_none(tmp_path: Path) -> None:
    corruption = build(tmp_path, choice="none")
    assert corruption.names == ()
    assert corruption.compositions == [()]
    assert torch.equal(corruption.apply(IMAGES, (), "test", INDEX), IMAGES.float())


def test_severity_on_the_command_line(tmp_path: Path) -> None:
    corruption = build(tmp_path, "corruption.elemental.Contrast.severity=4")
    expected = contrast(IMAGES.float(), None, severity=4)
    assert torch.equal(corruption.apply(IMAGES, ("Contrast",), "test", INDEX), expected)
    message = mistake(tmp_path, "corruption.elemental.Contrast.severity=9")
    assert message == "corruption Contrast: severity is 9: allowed are the whole numbers 1 to 5."


def test_names_on_the_command_line(tmp_path: Path) -> None:
    corruption = build(tmp_path, "corruption.names=[Swirl,Contrast]")
    assert corruption.names == ("Swirl", "Contrast")
    assert corruption.compositions == sample(["Swirl", "Contrast"])
    assert build(tmp_path, "corruption.names=[]").compositions == [()]
    assert build(tmp_path, "corruption.names=[Identity]").names == ()
    message = mistake(tmp_path, "corruption.names=[Contrst]")
    assert message.startswith("no corruption 'Contrst'. Did you mean 'Contrast'? Allowed: Identity, Contrast, ")
    assert "twice" in mistake(tmp_path, "corruption.names=[Swirl,Swirl]")


def test_one_more_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One function and one file."""
    (tmp_path / "my_fog.py").write_text("def fog(images, draw, density):\n    return images * density\n")
    folder = tmp_path / "more" / "corruption"
    folder.mkdir(parents=True)
    (folder / "seven.yaml").write_text(
        "defaults: [six]\n"
        "names: [Contrast, GaussianBlur, ImpulseNoise, Invert, Rotate90, Swirl, Fog]\n"
        "elemental:\n  Fog: {_target_: my_fog.fog, _partial_: true, density: 0.5}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    corruption = build(tmp_path, "corruption.elemental.Fog.density=0.75", choice="seven")
    assert corruption.names == (*ELEMENTAL, "Fog")
    assert corruption.compositions == sample([*ELEMENTAL, "Fog"])
    corrupted = corruption.apply(IMAGES, ("Invert", "Fog"), "test", INDEX)
    assert torch.equal(corrupted, (255 - IMAGES.float()) * 0.75)


@pytest.mark.parametrize("composition", [c for c in sample(ELEMENTAL) if len(c) > 1][::9])
def test_steps_are_what_apply_does(composition: tuple[str, ...]) -> None:
    corruption = Corruption(ELEMENTAL)
    images = IMAGES
    for position, name in enumerate(composition):
        images = corruption.step(images, name, position, "test", INDEX, epoch=3)
    assert torch.equal(images, corruption.apply(IMAGES, composition, "test", INDEX, epoch=3))


def test_identity() -> None:
    corruption = Corruption(ELEMENTAL)
    assert torch.equal(corruption.apply(IMAGES, (), "test", INDEX), IMAGES.float())
    assert torch.equal(corruption.apply(IMAGES, ("Identity",), "test", INDEX), IMAGES.float())


def test_empty_batch() -> None:
    corrupted = Corruption(ELEMENTAL).apply(IMAGES[:0], tuple(ELEMENTAL), "test", INDEX[:0])
    assert corrupted.shape == (0, 3, 16, 16)


def test_order_matters() -> None:
    corruption = Corruption(ELEMENTAL)
    one = corruption.apply(IMAGES, ("ImpulseNoise", "GaussianBlur"), "test", INDEX)
    other = corruption.apply(IMAGES, ("GaussianBlur", "ImpulseNoise"), "test", INDEX)
    assert (one - other).abs().mean() > 10


def test_noise_depends_on_what_it_should() -> None:
    def noisy(
        seed: int = 0, split: str = "test", index: Tensor = INDEX, position: int = 0, epoch: int | None = None
    ) -> Tensor:
        return Corruption(ELEMENTAL, seed).step(IMAGES, "ImpulseNoise", position, split, index, epoch)

    variants = [noisy(), noisy(seed=1), noisy(split="valid"), noisy(index=INDEX + 5), noisy(position=1)]
    variants += [noisy(epoch=0), noisy(epoch=1)]
    for i, one in enumerate(variants):
        assert not any(torch.equal(one, other) for other in variants[:i])
    assert torch.equal(noisy(), variants[0])


def test_inputs_are_not_changed() -> None:
    corruption = Corruption(ELEMENTAL)
    for images in (IMAGES.clone(), IMAGES.float()):
        before = images.clone()
        for composition in corruption.names, reversed(corruption.names):
            corruption.apply(images, composition, "test", INDEX)
        assert torch.equal(images, before)


def test_unknown_name() -> None:
    with pytest.raises(UserError, match=r"no corruption 'swril'\. Did you mean 'Swirl'\? Allowed: Identity, "):
        Corruption(ELEMENTAL).apply(IMAGES, ("swril",), "test", INDEX)
    with pytest.raises(UserError, match="'Fog'"):
        Corruption(ELEMENTAL, compositions=["Contrast-Fog"])


def test_only_named_corruptions_are_tried() -> None:
    bad = {**ELEMENTAL, "Contrast": partial(contrast, severity=9)}
    assert Corruption(bad, names=["Swirl"]).names == ("Swirl",)
    with pytest.raises(UserError, match="corruption Contrast: severity is 9"):
        Corruption(bad, names=["Contrast"])


def test_quantize_truncates() -> None:
    values = torch.tensor([-1.0, -1e-5, 0.0, 0.9998, 0.99995, 1.5, 254.9999, 254.5, 255.0, 255.00002, 300.0])
    expected = [0, 0, 0, 0, 1, 1, 255, 254, 255, 255, 255]
    quantized = quantize(values)
    assert quantized.dtype == torch.uint8
    assert quantized.tolist() == expected
    assert values[0] == -1
