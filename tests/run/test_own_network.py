"""A network of one's own: an nn.Module in the working folder and a YAML file beside it, as a user writes them."""

from pathlib import Path

import pandas as pd
import pytest
from in_process import SMALL, modrobust
from PIL import Image

PYTHON = """
from torch import nn

class Net(nn.Module):
    def __init__(self, classes, looks):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 5, 2, 2), nn.ReLU(), nn.Conv2d(4, 8, 5, 4), nn.ReLU())
        self.out, self.looks = nn.Linear(8, classes), looks

    def forward(self, x):
        if self.looks and x.mean() > 9:  # no trace goes through here
            x = -x
        return self.out(self.body(x).mean((2, 3)))
"""
YAML = "name: mine\n_target_: mine.Net\nclasses: ${dataset.num_classes}\nlooks: false\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conf/model").mkdir(parents=True)
    (tmp_path / "conf/model/mine.yaml").write_text(YAML)
    (tmp_path / "mine.py").write_text(PYTHON)
    return tmp_path


def test_an_own_module_has_levels(folder: Path) -> None:
    run = modrobust(folder, "model=mine", "method=modules", "corruption.names=[Contrast,Rotate90]", *SMALL)
    assert run.code == 0, run.err
    assert {path.name.split("-mine")[0] for path in folder.glob("outputs/parts/digits/module-*")} == {
        "module-Contrast-level1",
        "module-Rotate90-level2",
    }


def test_classes_that_are_found_in_images_are_given_under_any_name(folder: Path) -> None:
    for i in range(9):
        path = folder / f"photos/{'abc'[i % 3]}/{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (28, 28), (20 * i, 0, 200)).save(path)
    run = modrobust(folder, "model=mine", "dataset=image_folder", "dataset.folder=photos", *SMALL[3:])
    assert run.code == 0, run.err


def test_one_that_cannot_be_traced_goes_with_methods_that_need_no_levels(folder: Path) -> None:
    for method in ("modules", "contrastive"):
        refused = modrobust(folder, "model=mine", "model.looks=true", f"method={method}", *SMALL)
        assert refused.code == 1
        assert refused.err.count("\n") == 1
        assert (
            "model: this network has no levels, for torch.fx cannot trace it: TraceError: symbolically" in refused.err
        )
        assert refused.err.endswith("mine.py, line 11). Methods that need none: cross_entropy, img_space.\n")
    assert not list(folder.glob("outputs/parts/digits/*/weights.safetensors"))
    few = ("corruption.names=[Contrast]", *SMALL)
    for method in ("cross_entropy", "img_space"):
        run = modrobust(folder, "model=mine", "model.looks=true", f"method={method}", *few)
        assert run.code == 0, run.err
    tables = [pd.read_csv(path) for path in folder.glob("outputs/runs/digits/*-mine/*/results.csv")]
    assert sorted(len(table) for table in tables) == [1, 2]


def test_an_unknown_arch_is_told_before_training(folder: Path) -> None:
    run = modrobust(folder, "model=torchvision", "model.arch=mobilenet_v3_smal", *SMALL)
    assert run.code == 1
    line = "model.arch=mobilenet_v3_smal: torchvision has no such classifier. Did you mean 'mobilenet_v3_small'?"
    assert run.err.splitlines()[-1] == f"modrobust: {line}"
    assert not (folder / "outputs/parts").exists()
