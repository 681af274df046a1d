"""Files of the published code: what they are called, that they are what is evaluated, what is refused."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from in_process import Result, modrobust
from tiny import images
from torch import nn

from modrobust.corruption.composition import parse
from modrobust.corruption.corruption import Corruption, quantize
from modrobust.corruption.impulse_noise import impulse_noise
from modrobust.corruption.invert import invert
from modrobust.dataset.normalise import normalise
from modrobust.method.cross_entropy import OneNetwork
from modrobust.method.img_space import Restoring
from modrobust.method.modules import WithModules
from modrobust.model.five_by_five import five_by_five
from modrobust.model.inception_v3 import inception_v3
from modrobust.model.network import Network
from modrobust.model.resnet18 import resnet18
from modrobust.task.published import Names, corruptions

SMALL = (
    *("dataset=emnist", "dataset._target_=tiny.images", "dataset.image_size=16", "threads=1", "device=cpu"),
    *("dataset.n_train=12", "dataset.n_valid=8", "dataset.n_test=47", "model.widths=[4,4,6,6]", "model.hidden=8"),
    *("corruption.names=[Invert,ImpulseNoise]", "evaluation.max_length=2"),
)
IMPORT = ("task=import", "task.folder=checkpoints")
BOTH = "ImpulseNoise-Invert-Identity"


def strong(made: nn.Module) -> nn.Module:
    """Larger weights than usual at first, or the outputs would hardly differ."""
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.randn_like(weight) * (2 / weight[0].numel()) ** 0.5 if weight.ndim > 1 else weight)
    return made.eval()


def network() -> Any:
    return strong(five_by_five(47, 16, widths=(4, 4, 6, 6), hidden=8))


def save(folder: Path, name: str, piece: nn.Module) -> None:
    """A state dict under other names: only order and shapes count."""
    folder.mkdir(exist_ok=True)
    state = {f"layers.{k}.{name.rpartition('.')[2]}": x for k, (name, x) in enumerate(piece.state_dict().items())}
    torch.save(state, folder / f"{name}.pt")


def save_network(folder: Path, experiment: str, corruptions: str, made: Network) -> Network:
    names = ("ConvBlock1", "ConvBlock2", "ConvBlock3", "ConvBlock4", "FullyConnected", "Classifier")
    for name, block in zip(names, made.blocks, strict=True):
        save(folder, f"{experiment}_{name}_{corruptions}", block)
    return made


def published(method: str, folder: Path) -> nn.Module:
    """Files as the published code names them, and what they predict."""
    torch.manual_seed(1)
    if method == "cross_entropy":
        return OneNetwork(save_network(folder, "CrossEntropy", BOTH, network()))
    if method == "contrastive":
        return OneNetwork(save_network(folder, "Contrastive", BOTH, network()))
    if method == "img_space":
        autoencoders = {name: strong(network().make_autoencoder()) for name in ("Invert", "ImpulseNoise")}
        for name, autoencoder in autoencoders.items():
            save(folder, f"ImgSpace_Encoder_{name}-Identity", autoencoder.get_submodule("encoder"))
            save(folder, f"ImgSpace_Decoder_{name}-Identity", autoencoder.get_submodule("decoder"))
        classifiers = {"identity_classifier": "Identity", "joint_classifier": BOTH}
        made = {k: save_network(folder, "ImgSpaceClassifier", which, network()) for k, which in classifiers.items()}
        return Restoring(autoencoders, made)
    backbone = save_network(folder, "Modules", "Identity", network())
    levels = {"Invert": 1, "ImpulseNoise": 1} if method == "modules" else {"Invert": 5, "ImpulseNoise": 0}
    inserted = {name: strong(backbone.make_module(level)) for name, level in levels.items()}
    experiment = {"modules": "Modules", "auto_modules": "AutoModules"}[method]
    for name, module in inserted.items():
        block = f"FullyConnectedModule{levels[name]}" if levels[name] == 5 else f"ConvModule{levels[name]}"
        save(folder, f"{experiment}_{block}_{name}-Identity", module)
    return WithModules(backbone, inserted, levels)


@torch.no_grad()
def expected(predictor: nn.Module, labels: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Losses of each variant, (compositions, images)."""
    half = (0.5, 0.5, 0.5)
    facts = {"name": "emnist", "num_classes": 47, "image_size": 16, "mean": half, "std": half}
    dataset = images(Path(), **facts, n_train=12, n_valid=8, n_test=47)
    test = dataset.splits["test"]
    corruption = Corruption({"Invert": invert, "ImpulseNoise": lambda x, draw: impulse_noise(x, draw, severity=5)})
    found: dict[str, list[Any]] = {}
    for label in labels:
        seen = quantize(corruption.apply(test.inputs, parse(label), "test", test.index))
        for variant, (logits, _) in predictor(normalise(seen, dataset), parse(label)).items():
            loss = nn.functional.cross_entropy(logits, test.targets, reduction="none")
            found.setdefault(variant, []).append(loss.numpy())
    return {variant: np.stack(rows) for variant, rows in found.items()}


@pytest.mark.parametrize("method", ["cross_entropy", "contrastive", "modules", "auto_modules", "img_space"])
def test_imported_files_are_what_is_evaluated(method: str, tmp_path: Path) -> None:
    predictor = published(method, tmp_path / "checkpoints")
    command = (*SMALL, f"method={method}")
    made = modrobust(tmp_path, *command, *IMPORT)
    assert made.code == 0, made.err
    assert not (tmp_path / "outputs/runs").exists()
    if method == "auto_modules":
        levels = "method.level={Invert:5,ImpulseNoise:0}"
        assert f"To evaluate them: the same command without task and task.folder and '{levels}'." in made.err
        command = (*command, levels)
    statuses = {path: json.loads(path.read_text()) for path in tmp_path.glob("outputs/parts/*/*/status.json")}
    files = {file for status in statuses.values() for file in status["imported"]}
    assert files == {path.name for path in (tmp_path / "checkpoints").iterdir()}
    shutil.rmtree(tmp_path / "checkpoints")  # a run needs them no more

    done = modrobust(tmp_path, *command)
    assert done.code == 0, done.err
    assert statuses == {path: json.loads(path.read_text()) for path in tmp_path.glob("outputs/parts/*/*/status.json")}
    (file,) = tmp_path.glob("outputs/runs/*/*/*/predictions.npz")
    with np.load(file) as found:
        for variant, losses in expected(predictor, found["compositions"].tolist()).items():
            assert found[f"{variant}/losses"] == pytest.approx(losses, abs=1e-4)
            assert len(np.unique(losses.round(3), axis=0)) == len(losses) == 5
    assert (file.parent / "metrics.jsonl").read_text() == ""  # no learning curve is made up
    assert json.loads((file.parent / "status.json").read_text())["imported"]


def imported(tmp_path: Path, *overrides: str) -> Result:
    return modrobust(tmp_path, *SMALL, *IMPORT, *overrides)


def told(result: Result) -> str:
    assert result.code == 1 and result.err.splitlines()[-1].startswith("modrobust: ")
    assert "Traceback" not in result.err
    return result.err.splitlines()[-1]


def test_the_same_import_again_changes_nothing(tmp_path: Path) -> None:
    published("cross_entropy", tmp_path / "checkpoints")
    assert imported(tmp_path).code == 0
    files = [path for path in tmp_path.glob("outputs/parts/**/*") if path.name != ".lock"]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert imported(tmp_path).code == 0
    assert before == {path: path.stat().st_mtime_ns for path in files}


def test_a_finished_part_is_not_overwritten(tmp_path: Path) -> None:
    torch.manual_seed(1)
    save_network(tmp_path / "checkpoints", "CrossEntropy", BOTH, network())
    assert modrobust(tmp_path, *SMALL, "training.epochs=1", "evaluate=false").code == 0
    (weights,) = tmp_path.glob("outputs/parts/*/*/weights.safetensors")
    before = weights.read_bytes()
    assert "is finished already, trained: move it away to import" in told(imported(tmp_path, "training.epochs=1"))
    assert weights.read_bytes() == before
    assert imported(tmp_path).code == 0
    save_network(tmp_path / "checkpoints", "CrossEntropy", BOTH, network())
    assert "is finished already, imported from other files" in told(imported(tmp_path))


def test_missing_files_are_named(tmp_path: Path) -> None:
    assert "task.folder=checkpoints: there is no such folder." in told(imported(tmp_path))
    published("auto_modules", tmp_path / "checkpoints")
    line = told(imported(tmp_path))
    assert f"checkpoints/CrossEntropy_ConvBlock1_{BOTH}.pt is missing." in line
    assert "There are AutoModules_ConvModule0_ImpulseNoise-Identity.pt, " in line and "... (8 files)" in line
    (tmp_path / "checkpoints/AutoModules_ConvModule0_ImpulseNoise-Identity.pt").unlink()
    line = told(imported(tmp_path, "method=auto_modules"))
    assert "has no AutoModules_<Module>_ImpulseNoise-Identity.pt: one module is needed." in line
    save(tmp_path / "checkpoints", "AutoModules_ConvModule4_Invert-Identity", nn.Linear(2, 2))
    line = told(imported(tmp_path, "method=auto_modules"))
    assert "AutoModules_ConvModule4_Invert-Identity.pt and AutoModules_FullyConnectedModule5_Invert" in line


class Trap:
    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('code from a file was run')",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weight": torch.zeros(4, 3, 5, 5)}, "has 1 tensors; the model's block has 2: 0.weight, 0.bias."),
        (
            {"weight": torch.zeros(4, 3, 3, 3), "bias": torch.zeros(4)},
            "its tensor for 0.weight has the shape (4, 3, 3, 3), the model's (4, 3, 5, 5).",
        ),
        ([1, 2], "holds something else than a state dict of tensors."),
        ({"weight": Trap()}, "is damaged, or no state dict of tensors alone: "),
        (b"PK\x03\x04 cut off", "is damaged, or no state dict of tensors alone: "),
    ],
    ids=["number", "shape", "list", "code", "damaged"],
)
def test_files_of_something_else(tmp_path: Path, content: Any, message: str) -> None:
    published("cross_entropy", tmp_path / "checkpoints")
    path = tmp_path / f"checkpoints/CrossEntropy_ConvBlock1_{BOTH}.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    assert message in told(imported(tmp_path))
    assert not list(tmp_path.glob("outputs/parts/*/*/weights.safetensors"))


@pytest.mark.parametrize("method", ["auto_contrastive"])
def test_what_was_not_published(tmp_path: Path, method: str) -> None:
    published("contrastive", tmp_path / "checkpoints")
    assert "method: the published code has files of cross_entropy, contrastive" in told(
        imported(tmp_path, f"method={method}")
    )


MODELS: Mapping[str, Network] = {
    "five_by_five": five_by_five(47, 28),
    "resnet18": resnet18(10, 32),
    "inception_v3": inception_v3(388, 100),
}


@pytest.mark.parametrize(
    ("model", "first", "last", "modules"),
    [
        ("five_by_five", "ConvBlock1", "Classifier", {0: "ConvModule0", 4: "ConvModule4", 5: "FullyConnectedModule5"}),
        ("resnet18", "ResnetBlock1", "ResnetClassifier", {0: "ResnetModule0", 9: "ResnetModule9"}),
        ("inception_v3", "InceptionBlock1", "InceptionClassifier", {16: "InceptionModule16"}),
    ],
)
def test_published_names(model: str, first: str, last: str, modules: dict[int, str]) -> None:
    names = Names.of(f"modrobust.model.{model}.{model}", MODELS[model].levels)
    assert (names.blocks[0], names.blocks[-1], len(set(names.blocks))) == (first, last, MODELS[model].levels)
    second_last = {"five_by_five": "FullyConnected", "resnet18": "ResnetBlock9", "inception_v3": "InceptionBlock16"}
    assert names.blocks[-2] == second_last[model]
    assert {level: names.module(level) for level in modules} == modules
    assert corruptions(["Identity", "Swirl", "Contrast"]) == "Contrast-Swirl-Identity"
