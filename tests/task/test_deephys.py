"""Files for Deephys, read back: layers, images and classes of what was computed here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from in_process import modrobust
from omegaconf import DictConfig
from torch import nn

from modrobust.config.identity import unnamed
from modrobust.corruption.corruption import quantize
from modrobust.dataset.normalise import normalise
from modrobust.errors import UserError
from modrobust.method.experiment import Experiment
from modrobust.method.modules import Modules, WithModules

pytest.importorskip("deephys", reason="no package deephys")
cbor2 = pytest.importorskip("cbor2", reason="no package cbor2")

from modrobust.task.deephys import Deephys  # noqa: E402

LEVELS = {"Contrast": 0, "ImpulseNoise": 2, "Rotate90": 5}
NAMES = f"corruption.names=[{','.join(LEVELS)}]"


def read(path: Path) -> Any:
    with path.open("rb") as file:
        return cbor2.load(file)


@pytest.fixture
def exported(
    experiment: Callable[..., Experiment], configured: Callable[..., DictConfig], tmp_path: Path
) -> Callable[..., tuple[Experiment, WithModules, Path]]:
    """Files of modules that nobody trained."""

    def exported(*overrides: str) -> tuple[Experiment, WithModules, Path]:
        overrides = ("method=modules", "model=small_cnn", NAMES, *overrides)
        made, method = experiment(*overrides), instantiate(unnamed(configured(*overrides).method))
        torch.manual_seed(0)
        backbone = made.probe().eval()
        modules = {name: backbone.make_module(level).eval() for name, level in LEVELS.items()}
        predictor = WithModules(backbone, modules, LEVELS)
        method.train = lambda _: predictor
        Deephys(None, "test", batch_size=4)(made, method, tmp_path)
        return made, predictor, tmp_path

    return exported


def rows(content: Any, layer: int) -> np.ndarray[Any, Any]:
    """Activity of a layer, (images, units)."""
    return np.stack([np.frombuffer(one["activations"]["activations"][layer], ">f4") for one in content["images"]])


def pixels(content: Any) -> np.ndarray[Any, Any]:
    """Images (N, 3, H, W)."""
    lines = [[[list(row) for row in channel] for channel in one["data"]] for one in content["images"]]
    return np.array(lines, np.uint8)


@pytest.mark.parametrize("dataset", ["digits", "cifar10"])
@pytest.mark.parametrize("name", LEVELS)
@torch.no_grad()
def test_read_back(dataset: str, name: str, exported: Callable[..., tuple[Experiment, WithModules, Path]]) -> None:
    made, predictor, folder = exported(f"dataset={dataset}")
    test, level = made.dataset.splits["test"], LEVELS[name]
    model = read(folder / f"{name}.model")
    assert [layer["layerID"] for layer in model["layers"]] == ["before", "after", "logits"]
    assert model["classification_layer"] == "logits" and len(model["name"]) <= 40
    for seen, file in ((name, f"{name}.test"), ("Identity", f"{name}-Identity.test")):
        content = read(folder / file)
        assert content["classes"] == [str(k) for k in range(10)] and len(content["name"]) <= 40
        assert [one["categoryID"] for one in content["images"]] == test.targets.tolist()
        images = quantize(made.corruption.apply(test.inputs, (seen,), "test", test.index))
        assert np.array_equal(pixels(content), images.expand(-1, 3, -1, -1).numpy())
        before = predictor.backbone.features(normalise(images, made.dataset), level)
        after = predictor.inserted[name](before)
        logits = predictor.backbone(after, level)
        assert rows(content, 2) == pytest.approx(logits.numpy(), abs=1e-5)
        for k, features in enumerate((before, after)):
            found = rows(content, k)
            assert found.shape[1] == len(model["layers"][k]["neurons"]) == features.shape[1]
            if level == 0:  # as pixels in 0..1
                mean, std = (torch.tensor(v).view(3, 1, 1) for v in (made.dataset.mean, made.dataset.std))
                expected = (features * std + mean).clamp(0, 1).amax((2, 3))
                assert found == pytest.approx(expected.numpy(), abs=1 / 255)
            else:
                flat = features.flatten(2).amax(2) if features.ndim == 4 else features
                assert found == pytest.approx(flat.numpy(), abs=1e-5) and found.max() > 0


def test_the_command_again_writes_only_what_is_missing(tmp_path: Path) -> None:
    command = (
        *("task=deephys", "method=modules", "corruption.names=[Invert]", "threads=1", "device=cpu"),
        *("dataset.n_train=20", "dataset.n_valid=10", "dataset.n_test=10", "training.epochs=1"),
        *("model.widths=[4,4,4,4]", "model.hidden=8"),
    )
    made = modrobust(tmp_path, *command)
    assert made.code == 0, made.err
    files = {path.name: path for path in tmp_path.glob("outputs/tasks/digits/*/*/deephys-*/*")}
    assert {"Invert.model", "Invert.test", "Invert-Identity.test"} <= set(files)
    assert not (tmp_path / "outputs/runs").exists() and "Saving" not in made.out
    before, kept = files["Invert.test"].read_bytes(), files["Invert-Identity.test"].stat().st_mtime_ns
    files["Invert.test"].unlink()
    assert modrobust(tmp_path, *command).code == 0
    assert files["Invert.test"].read_bytes() == before
    assert files["Invert-Identity.test"].stat().st_mtime_ns == kept


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("method=cross_entropy",), "task=deephys looks at modules: choose method=modules or method=auto_modules."),
        (("method=modules", "task.split=tests"), "Did you mean 'test'?"),
        (("method=modules", "task.corruptions=[Swrl]"), "task.corruptions: no 'Swrl'. Did you mean 'Swirl'?"),
        (
            ("method=modules", "task.corruptions=Swirl"),
            "task.corruptions=Swirl: a list of corruptions, such as [Contrast,Swirl] ",
        ),
    ],
)
def test_bad_input(overrides: tuple[str, ...], told: str, tmp_path: Path) -> None:
    result = modrobust(tmp_path, "task=deephys", "threads=1", *overrides)
    assert result.code == 1 and result.err.count("\n") == 1
    assert told in result.err


def test_negative_features_are_refused(
    exported: Callable[..., tuple[Experiment, WithModules, Path]],
    configured: Callable[..., DictConfig],
) -> None:
    made, predictor, folder = exported("dataset=digits")
    (folder / "ImpulseNoise.test").unlink()
    method = instantiate(unnamed(configured("method=modules", NAMES).method))
    assert isinstance(method, Modules)
    method.train = lambda _: predictor  # type: ignore[method-assign]
    predictor.backbone.blocks[1].append(nn.BatchNorm2d(32).eval())
    with torch.no_grad():
        predictor.backbone.blocks[1][-1].bias -= 9  # type: ignore[index,operator]
    with pytest.raises(UserError, match=r"^ImpulseNoise: features at level 2 are below zero"):
        Deephys(["ImpulseNoise"], "test", 4)(made, method, folder)
