"""Image space: the order of autoencoders, what each part is trained on, the two classifiers."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from hydra.utils import instantiate
from torch import Tensor, nn
from torch.nn import functional

from modrobust.config.identity import unnamed
from modrobust.errors import UserError
from modrobust.method import img_space
from modrobust.method.experiment import Experiment
from modrobust.method.img_space import Restoring
from modrobust.method.objectives import Paired
from modrobust.model.five_by_five import five_by_five


class Line(nn.Module):
    """x -> slope * x + offset."""

    def __init__(self, slope: int, offset: int) -> None:
        super().__init__()
        self.slope, self.offset = slope, offset

    def forward(self, x: Tensor) -> Tensor:
        return self.slope * x + self.offset


@torch.no_grad()
def test_autoencoders_in_the_order_of_the_composition() -> None:
    steps = {"Contrast": Line(2, 0), "Swirl": Line(1, 1)}
    networks = {name: five_by_five(4, 8, widths=(4, 4, 4, 4), hidden=8).eval() for name in ("one", "two")}
    images = torch.randn(3, 3, 8, 8)
    for composition, expected in {
        (): images,
        ("Contrast",): 2 * images,
        ("Contrast", "Swirl"): 2 * images + 1,
        ("Swirl", "Contrast"): 2 * (images + 1),
        ("Swirl", "Invert", "Contrast"): 2 * (images + 1),  # without an autoencoder for Invert
    }.items():
        found = Restoring(steps, networks)(images, composition)
        assert list(found) == ["one", "two"]
        for name, (logits, penultimate) in found.items():
            assert torch.equal(logits, networks[name](expected))
            assert torch.equal(penultimate, networks[name].features(expected, 5))


@pytest.fixture
def parts(
    experiment: Callable[..., Experiment], configure: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> tuple[Experiment, dict[str, tuple[nn.Module, Paired, float]]]:
    """(network, task, learning rate) of each part with its own loss, untrained."""
    found: dict[str, tuple[nn.Module, Paired, float]] = {}

    def remember(part: Any, network: nn.Module, task: Paired, training: Any, lr: float) -> None:
        found[part.name] = network, task, lr

    monkeypatch.setattr(img_space, "fit", remember)
    overrides = ("method=img_space", "method.lr=0.5", "method.autoencoder_lr=0.25", "training.batch_size=9")
    study = experiment(*overrides)
    instantiate(unnamed(configure(*overrides).method)).train(study)
    return study, found


def test_an_autoencoder_restores_clean_images(parts: Any) -> None:
    study, found = parts
    autoencoder, task, lr = found["autoencoder-Rotate90"]
    assert (task.n_images, lr) == (4, 0.25)  # half the batch is clean
    batch, views = study.views().paired(4, 0, 0), study.views()
    with torch.no_grad():
        loss = task.scalars(batch)["loss"]
        restored = autoencoder(views.see(batch, ("Rotate90",)))
        assert torch.equal(loss, functional.mse_loss(restored, views.see(batch, ("Identity",))))


def test_the_joint_classifier_sees_every_set_through_its_autoencoder(parts: Any) -> None:
    study, found = parts
    network, task, lr = found["joint_classifier"]
    assert (task.n_images, lr) == (3, 0.5)
    batch, views = study.views().paired(3, 0, 0), study.views()
    network.eval()
    with torch.no_grad():
        restored = [found[f"autoencoder-{name}"][0](views.see(batch, (name,))) for name in ("Contrast", "Rotate90")]
        logits = network(torch.cat([views.see(batch, ("Identity",)), *restored]))
        scalars = task.scalars(batch)
    classes = batch.targets.repeat(3)
    torch.testing.assert_close(scalars["loss"], functional.cross_entropy(logits, classes))
    assert scalars["accuracy"] == (logits.argmax(1) == classes).float().mean()
    task.scalars(batch)["loss"].backward()
    assert all(p.grad is not None for p in network.parameters())
    for name in ("Contrast", "Rotate90"):
        assert all(p.grad is None for p in found[f"autoencoder-{name}"][0].parameters())
        assert not any(m.training for m in found[f"autoencoder-{name}"][0].modules())


def test_both_classifiers_of_a_run(run: Callable[..., Path], epochs: Counter[str], tmp_path: Path) -> None:
    folder = run("method=img_space")
    assert epochs == dict.fromkeys(
        ["autoencoder-Contrast", "autoencoder-Rotate90", "classifier", "joint_classifier"], 1
    )
    rows = pd.read_csv(folder / "results.csv")
    assert list(rows.variant) == ["identity_classifier"] * 3 + ["joint_classifier"] * 3
    (joint,) = tmp_path.glob("parts/*/joint_classifier-*")
    (clean,) = tmp_path.glob("parts/*/classifier-*")
    below = {p.name.rpartition("-")[2] for p in tmp_path.glob("parts/*/autoencoder-*")}
    assert set(json.loads((joint / "depends.json").read_text())["autoencoders"]) == below
    assert json.loads((clean / "depends.json").read_text())["corruptions"] == ["Identity"]
    curves = pd.read_json(folder / "metrics.jsonl", lines=True)
    assert curves[curves.part.str.startswith("autoencoder")].accuracy.isna().all()


def test_autoencoders_alone(run: Callable[..., Path], epochs: Counter[str]) -> None:
    method = ("method=img_space", "method.classifiers=false")
    run(*method, "corruption.names=[Contrast]", "evaluate=false")
    assert dict(epochs) == {"autoencoder-Contrast": 1}
    with pytest.raises(UserError, match="nothing to test: evaluate=false"):
        run(*method)
    epochs.clear()
    run("method=img_space")
    assert dict(epochs) == {"classifier": 1, "joint_classifier": 1}
