"""What the methods minimise, on the published network with golden parameters, equals the golden values."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from published import compare, published
from torch import Tensor, nn

from modrobust.config.identity import unnamed
from modrobust.method.experiment import Experiment
from modrobust.method.fit import Training
from modrobust.method.objectives import Paired
from modrobust.method.views import Batch, Views
from modrobust.store.parts import Part

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/networks.json").read_text())["forward_passes"]
NAMES = ("Identity", "Contrast", "GaussianBlur", "ImpulseNoise", "Invert", "Rotate90", "Swirl")
LABELS = torch.arange(8) * 5 % 47

LOSSES = "losses of all methods, EMNIST network"
pytestmark = published


@pytest.fixture
def scalars(
    experiment: Callable[..., Experiment],
    configure: Callable[..., Any],
    fill: Callable[[nn.Module, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[str, dict[str, float]]]:
    """Scalars of one step of every part a method trains, with golden inputs and parameters."""
    draw = np.random.RandomState(7).standard_normal((56, 3, 28, 28))
    images = torch.from_numpy(draw.astype(np.float32)).clip(-1, 1).unflatten(0, (7, 8))
    found: dict[str, dict[str, float]] = {}
    first: dict[str, int] = {}

    def see(views: Views, batch: Batch, names: tuple[str, ...]) -> Tensor:
        return torch.cat([images[first.get(name, NAMES.index(name))] for name in names])

    def unpaired(views: Views, names: tuple[str, ...], *where: int) -> tuple[Tensor, Tensor]:
        return images.flatten(0, 1), LABELS.repeat(7)

    def one_step(part: Part, network: nn.Module, task: Any, training: Training, lr: float, keep: bool = True) -> None:
        kind, _, level = part.name.partition("-Contrast-level")
        tag = {"autoencoder-Contrast": 60, "module": 1 + int(level or 0)}.get(kind, 0)
        fill(network.eval(), tag)
        with torch.no_grad():
            batch = Batch(torch.empty(8, 1, 28, 28), LABELS, torch.arange(8), torch.arange(8), "train", 0)
            values = task.scalars(batch) if isinstance(task, Paired) else task.step(0, 0)
        found[part.name] = {name: float(value) for name, value in values.items()}

    monkeypatch.setattr(Views, "see", see)
    monkeypatch.setattr(Views, "unpaired", unpaired)
    for method in ("cross_entropy", "contrastive", "modules", "img_space"):
        monkeypatch.setattr(f"modrobust.method.{method}.fit", one_step)

    def scalars(*overrides: str, corrupted_first: bool = False) -> dict[str, dict[str, float]]:
        overrides = ("dataset=emnist", "dataset.image_size=28", "dataset.n_train=56", "cache_gb=0", *overrides)
        if corrupted_first:  # golden values have the corrupted images in rows 0..7, the clean ones in 8..15
            first.update({"Identity": 1, "Contrast": 0})
        instantiate(unnamed(configure(*overrides).method)).train(experiment(*overrides))
        return found

    return scalars


@pytest.mark.parametrize("pairing", ["false", "true"])
def test_cross_entropy(scalars: Callable[..., dict[str, Any]], pairing: str) -> None:
    overrides = ("method=cross_entropy", f"method.pairing={pairing}", "corruption.names=[" + ",".join(NAMES[1:]) + "]")
    found = scalars(*overrides, "training.batch_size=56")["classifier"]
    compare(LOSSES, found["loss"], GOLDEN["cross_entropy"])
    assert found["loss"] == pytest.approx(GOLDEN["cross_entropy"], rel=1e-5)


def test_contrastive_at_the_penultimate_level(scalars: Callable[..., dict[str, Any]]) -> None:
    overrides = ("method=contrastive", "corruption.names=[" + ",".join(NAMES[1:]) + "]", "training.batch_size=56")
    found = scalars(*overrides)["contrastive"]
    cross_entropy, contrastive = GOLDEN["contrastive_555555"]
    compare(LOSSES, [found["cross_entropy"], found["contrastive"]], [cross_entropy, contrastive])
    assert found["cross_entropy"] == pytest.approx(cross_entropy, rel=1e-5)
    assert found["contrastive"] == pytest.approx(contrastive, rel=1e-5)
    assert found["loss"] == pytest.approx(cross_entropy + contrastive, rel=1e-5)


def test_module_with_pass_through(scalars: Callable[..., dict[str, Any]]) -> None:
    overrides = ("method=modules", "method.level=3", "corruption.names=[Contrast]", "training.batch_size=16")
    found = scalars(*overrides, corrupted_first=True)["module-Contrast-level3"]
    cross_entropy, contrastive = GOLDEN["modules_level3_passthroughTrue"]
    compare(LOSSES, [found["cross_entropy"], found["contrastive"]], [cross_entropy, contrastive])
    assert found["cross_entropy"] == pytest.approx(cross_entropy, rel=1e-5)
    assert found["contrastive"] == pytest.approx(contrastive, rel=1e-5)
    assert found["loss"] == pytest.approx(cross_entropy + contrastive, rel=1e-5)


@pytest.mark.parametrize(("level", "golden"), [(0, 3.9545), (3, 3.8656)])
def test_module_without_pass_through(scalars: Callable[..., dict[str, Any]], level: int, golden: float) -> None:
    """The clean half is classified, too, by the features before the module."""
    where = (f"method.level={level}", "corruption.names=[Contrast]", "training.batch_size=16")
    overrides = ("method=modules", "method.pass_through=false", *where)
    found = scalars(*overrides, corrupted_first=True)[f"module-Contrast-level{level}"]
    compare(f"{LOSSES}, without pass_through (published to four digits)", found["cross_entropy"], golden)
    assert found["cross_entropy"] == pytest.approx(golden, abs=6e-5)


def test_autoencoder(scalars: Callable[..., dict[str, Any]]) -> None:
    overrides = ("method=img_space", "corruption.names=[Contrast]", "training.batch_size=16")
    found = scalars(*overrides, corrupted_first=True)["autoencoder-Contrast"]
    compare(LOSSES, found["loss"], GOLDEN["autoencoder_mse"])
    assert found == {"loss": pytest.approx(GOLDEN["autoencoder_mse"], rel=1e-5)}
