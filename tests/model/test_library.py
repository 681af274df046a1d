"""Networks of libraries: names, weights, stems, and what is said where something does not fit."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from modrobust.errors import UserError
from modrobust.model import library
from modrobust.model.network import Network
from modrobust.model.stem import make_small
from modrobust.model.weights import content_of_file, read


def resnet(**keys: object) -> Network:
    return library.torchvision(5, 32, **{"arch": "resnet18", **keys})  # type: ignore[arg-type]


def vit(**keys: object) -> Network:
    pytest.importorskip("timm")
    small = {"depth": 1, "patch_size": 8}
    return library.timm(5, (16, 32), **{"arch": "test_vit", "options": small, **keys})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("build", "keys", "message"),
    [
        (
            resnet,
            {"arch": "resnet_18"},
            "model.arch=resnet_18: torchvision has no such classifier. Did you mean 'resnet18'?",
        ),
        (resnet, {"arch": "vit_b_16", "options": {"depth": 3}}, "model.arch=vit_b_16: TypeError: .* argument 'depth'"),
        (
            resnet,
            {"arch": "inception_v3"},
            "model.arch=inception_v3 does not take images of 32x32 pixels: RuntimeError",
        ),
        (
            resnet,
            {"weights": "IMAGENET1K_V2"},
            "model.weights=IMAGENET1K_V2: no such file, and resnet18 has IMAGENET1K_V1",
        ),
        (resnet, {"weights": "none.pt"}, "model.weights=none.pt: there is no such file."),
        (
            resnet,
            {"arch": "vgg11", "stem": "small"},
            "model.stem=small: the first layer of vgg11 keeps the images' size",
        ),
        (resnet, {"levels": ["layr1.0"]}, "model.levels: there is no level layr1.0: .* Did you mean 'layer1_0'?"),
        (vit, {"arch": "test_vitt"}, "model.arch=test_vitt: timm has no such classifier. Did you mean 'test_vit'?"),
        (vit, {"options": {"dept": 1}}, "model.arch=test_vit: TypeError: .* argument 'dept'"),
        (vit, {"weights": "r160_in1"}, "model.weights=r160_in1: no such file, and test_vit has .*'r160_in1k'?"),
        (vit, {"stem": "small"}, "model.stem=small: test_vit cuts images into patches of 8 pixels"),
    ],
)
def test_what_does_not_fit_is_one_line(build: Callable[..., Network], keys: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message.replace("?", r"\?")) as refused:
        build(**keys)
    assert "\n" not in str(refused.value)


def test_first_weights_are_those_of_the_library() -> None:
    torch.manual_seed(3)
    network = resnet()
    torch.manual_seed(3)
    theirs = models.resnet18(num_classes=5).state_dict()
    ours = {name.split(".", 2)[2]: one for name, one in network.state_dict().items()}
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(one, ours[name]) for name, one in theirs.items())


def test_weights_of_a_file_but_not_of_its_classifier(tmp_path: Path) -> None:
    source = models.resnet18(num_classes=7)
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in source.state_dict().items()}}, tmp_path / "a.pt"
    )
    save_file(resnet().state_dict(), tmp_path / "ours.safetensors")
    assert read(str(tmp_path / "ours.safetensors")).keys() == source.state_dict().keys()
    network = resnet(weights=str(tmp_path / "a.pt"))
    assert torch.equal(network.state_dict()["blocks.layer1_0.layer1.0.conv1.weight"], source.layer1[0].conv1.weight)
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 5)
    small = resnet(weights=str(tmp_path / "a.pt"), stem="small")
    assert torch.equal(small.state_dict()["blocks.conv1.bn1.bias"], source.bn1.bias)


def test_a_file_that_does_not_fit(tmp_path: Path) -> None:
    state = models.resnet18(num_classes=5).state_dict()
    for name, change, message in [
        ("less", {k: v for k, v in state.items() if "layer4" not in k}, "the file lacks 30 weights, such as layer4.0."),
        ("more", {**state, "layer5.weight": torch.zeros(2)}, "beside those of the network 1 weights, such as layer5"),
        (
            "other",
            {**state, "layer1.0.conv1.weight": torch.zeros(2)},
            "in another shape 1 weights, such as layer1.0.con",
        ),
    ]:
        torch.save(change, path := tmp_path / f"{name}.pt")
        with pytest.raises(UserError, match=message):
            resnet(weights=str(path))
    torch.save(nn.Linear(2, 2), path := tmp_path / "pickle.pt")
    (tmp_path / "text.pt").write_text("text")
    for file in (path, tmp_path / "text.pt"):
        with pytest.raises(UserError, match=f"model.weights={file}: not a file of weights alone"):
            resnet(weights=str(file))


def test_parts_depend_on_what_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    assert content_of_file(None) == content_of_file("IMAGENET1K_V1") == {}
    path.write_text("1")
    first = content_of_file(str(path))
    path.write_text("2")
    assert first and content_of_file(str(path)) != first


@pytest.mark.parametrize(
    ("arch", "size", "replaced"),
    [("resnet18", 4, ("conv1",)), ("mobilenet_v3_small", 2, ()), ("densenet121", 4, ("features.conv0",))],
)
def test_a_small_stem_keeps_the_size(arch: str, size: int, replaced: tuple[str, ...]) -> None:
    with torch.device("meta"):
        network = models.get_model(arch, num_classes=5)
        stem = network if arch == "resnet18" else network.features
        assert make_small(network, arch) == replaced
        x = torch.empty(2, 3, 8 * size, 8 * size)
        for layer in list(stem.children())[: 4 if size == 4 else 1]:
            x = layer(x)
        assert x.shape[-1] == 8 * size
        assert network(torch.empty(2, 3, 32, 32)).shape == (2, 5)


def test_images_need_not_be_square() -> None:
    network = vit()
    assert network(torch.zeros(2, 3, 16, 32)).shape == (2, 5)
    assert network.make_module(1)(network.features(torch.zeros(2, 3, 16, 32), 1)).shape == (2, 9, 64)
