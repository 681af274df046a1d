"""Every method on networks of torchvision and timm: a transformer, a ConvNeXt, an EfficientNet, a MobileNet."""

from collections.abc import Callable
from pathlib import Path

import pytest
import small_networks  # noqa: F401  registers them
from test_methods import ADAPTED, VARIANTS, check, short_search  # noqa: F401  which pytest applies here, too

NETWORKS = {
    "torchvision": ("vit_test", "convnext_test", "efficientnet_test", "mobilenet_test"),
    "timm": ("test_vit", "test_convnext", "test_efficientnet", "mobilenetv3_small_050"),
}
MORE = {
    "test_vit": ["model.options={patch_size:8,depth:2}"],
    "test_convnext": ["dataset.image_size=32", "model.options={depths:[1,1,1,1]}"],
}


@pytest.mark.parametrize(("library", "arch"), [(library, arch) for library in NETWORKS for arch in NETWORKS[library]])
@pytest.mark.parametrize("method", [method for method in VARIANTS if method not in ("augmix", "pairs")])
def test_method_on_network(run: Callable[..., Path], method: str, library: str, arch: str) -> None:
    if library == "timm":
        pytest.importorskip("timm")
    network = [f"model={library}", f"model.arch={arch}", *MORE.get(arch, [])]
    network += ["dataset.n_train=6", "dataset.n_valid=4", "training.batch_size=6"]
    few = []
    if method.startswith("auto"):
        few = ["corruption.names=[Contrast]", "model.levels=[2]"]
    folder = run(f"method={method}", *network, *few, *(["method.repeats=1"] * (method == "auto_contrastive")))
    check(folder, "digits", method)


@pytest.mark.parametrize("method", ADAPTED)
def test_batch_normalisation_of_timm_adapts(run: Callable[..., Path], method: str) -> None:
    pytest.importorskip("timm")
    small = ("dataset.n_train=6", "dataset.n_valid=4", "training.batch_size=6")
    check(run(f"method={method}", "model=timm", *small), "digits", method)
