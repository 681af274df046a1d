"""The exported predictor: the same logits, any batch size, without modrobust; only what the composition needs."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from in_process import modrobust
from torch import nn

from modrobust.dataset.normalise import normalise
from modrobust.errors import UserError
from modrobust.method.bn_adapt import BatchNormAdaptation
from modrobust.method.cross_entropy import OneNetwork
from modrobust.method.experiment import Experiment
from modrobust.method.img_space import Restoring
from modrobust.method.modules import WithModules
from modrobust.method.tent import Tent
from modrobust.task.export_model import ExportModel

NAMES = ("Contrast", "Rotate90")
SMALL = (
    *("task=export_model", "threads=1", "device=cpu", "dataset.n_train=20", "dataset.n_valid=10", "dataset.n_test=10"),
    *("training.epochs=1", "corruption.names=[Contrast,Rotate90]", "model.widths=[4,4,4,4]", "model.hidden=8"),
)

LOAD = """
import sys
sys.modules["modrobust"] = None  # its import fails
import numpy as np, torch
logits = torch.export.load(sys.argv[1]).module()(torch.from_numpy(np.load("images.npy")))
np.save("logits.npy", logits.detach().numpy())
"""


class Given:
    """In a method's place: a predictor of networks that nobody trained."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def train(self, experiment: Experiment) -> Any:
        torch.manual_seed(2)
        network = experiment.probe().eval()
        if self.kind == "one":
            return OneNetwork(network)
        if self.kind == "modules":
            levels = {"Contrast": 1, "Rotate90": network.levels - 1, "Swirl": 0}
            return WithModules(network, {k: network.make_module(i).eval() for k, i in levels.items()}, levels)
        autoencoders = {name: network.make_autoencoder().eval() for name in NAMES}
        if self.kind == "img_space of colours":
            return Restoring(autoencoders, {"a": Colours(), "b": Colours()})
        return Restoring(autoencoders, {"a": network, "b": experiment.probe().eval()})


class Colours(nn.Module):
    """In a large network's place, whose export `modules` tries: an image's mean in each channel is its logits."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(3))

    def predict(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        means = images.mean((2, 3))
        return self.weight * means, means


def shift_statistics(predictor: nn.Module) -> None:
    """Statistics of batch normalisation, too, must be in the file."""
    for name, buffer in predictor.named_buffers():
        if name.endswith("running_mean"):
            buffer += 0.1


@pytest.mark.parametrize(
    ("dataset", "model", "kind"),
    [
        *(("digits", "model=small_cnn", kind) for kind in ("one", "modules", "img_space")),
        *(("cifar10", "model=resnet18", kind) for kind in ("one", "modules", "img_space")),
        *(("facescrub", "model=inception_v3", kind) for kind in ("modules", "img_space of colours")),
        *(("digits", model, "modules") for model in ("model=torchvision", "model=timm model.arch=test_vit")),
    ],
)
@torch.no_grad()
def test_the_same_logits(
    dataset: str, model: str, kind: str, experiment: Callable[..., Experiment], tmp_path: Path
) -> None:
    size = ("dataset.image_size=75",) if dataset == "facescrub" else ()
    if "timm" in model:
        pytest.importorskip("timm")
    made = experiment(f"dataset={dataset}", *model.split(), *size, f"corruption.names=[{','.join(NAMES)}]")
    variant = "b" if "img_space" in kind else None
    method = Given(kind)
    predictor = method.train(made)
    shift_statistics(predictor)
    method.train = lambda _: predictor  # type: ignore[method-assign,assignment]
    ExportModel("Rotate90-Contrast", variant)(made, method, tmp_path)
    (file,) = tmp_path.glob("*.pt2")
    program = torch.export.load(file)
    module = program.module()
    for n in (1, 5):
        images = made.dataset.splits["test"].inputs[:n]
        expected = predictor(normalise(images, made.dataset), ("Rotate90", "Contrast"))[variant or "default"][0]
        assert torch.allclose(module(images), expected, rtol=1e-5, atol=1e-5)
    numbers = sum(weight.numel() for weight in program.state_dict.values())
    unused = {"one": (), "modules": ("inserted.Swirl",)}.get(kind, ("classifiers.a",))
    assert numbers == size_of(predictor, "") - sum(size_of(predictor, name) for name in unused)


def test_what_adapts_to_a_batch_is_refused_before_training(tmp_path: Path) -> None:
    for method in (BatchNormAdaptation(0.1, 16, 4), Tent(0.1, 1, 0.1, 4)):
        with pytest.raises(UserError, match="choose method=cross_entropy, whose network it adapts"):
            ExportModel("Contrast", None)(cast(Experiment, None), method, tmp_path)


def size_of(module: nn.Module, name: str) -> int:
    return sum(weight.numel() for weight in module.get_submodule(name).state_dict().values())


def test_without_modrobust(tmp_path: Path) -> None:
    command = (*SMALL, "method=modules", "task.composition=Contrast-Rotate90")
    made = modrobust(tmp_path, *command)
    assert made.code == 0, made.err
    assert not (tmp_path / "outputs/runs").exists()
    (file,) = tmp_path.glob("outputs/tasks/digits/modules-small_cnn/*/export_model-*/Contrast-Rotate90.pt2")
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), np.uint8)
    np.save(tmp_path / "images.npy", images)
    subprocess.run([sys.executable, "-c", LOAD, str(file)], cwd=tmp_path, check=True, env={"PATH": ""}, timeout=120)
    logits = torch.export.load(file).module()(torch.from_numpy(images))
    assert np.load(tmp_path / "logits.npy") == pytest.approx(logits.detach().numpy(), abs=1e-5)
    assert logits.shape == (3, 10)

    before = file.stat().st_mtime_ns
    again = modrobust(tmp_path, *command)
    assert again.code == 0 and "is there already" in again.err and file.stat().st_mtime_ns == before


def test_bad_input(tmp_path: Path, experiment: Callable[..., Experiment]) -> None:
    result = modrobust(tmp_path, *SMALL, "task.composition=Contrast-Rotate9")
    assert result.code == 1 and result.err.count("\n") == 1
    assert "there is no corruption 'Rotate9'. Did you mean 'Rotate90'?" in result.err
    made = experiment()
    for variant in (None, "c"):
        with pytest.raises(UserError, match=f"^task.variant={variant}: the method has a, b."):
            ExportModel("Identity", variant)(made, Given("img_space"), tmp_path)
    with pytest.raises(UserError, match=r"^task.variant=c: the method has default."):
        ExportModel("Identity", "c")(made, Given("one"), tmp_path)
    method = Given("one")
    method.train = lambda _: print  # type: ignore[method-assign]
    with pytest.raises(UserError, match=r"^method: a builtin_function_or_method predicts, which"):
        ExportModel("Identity", None)(made, method, tmp_path)
