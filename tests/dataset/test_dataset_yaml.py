"""Every YAML of the group: all keys commented, all of them read by the loader, figures of the paper."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import get_method, instantiate
from omegaconf import OmegaConf

from modrobust.dataset.images import image_dataset
from modrobust.dataset.source import dataset_of
from modrobust.dataset.splits import Augmentation

FOLDER = Path(__file__).parents[2] / "conf/dataset"
FOUND = ["image_folder", "torchvision", "huggingface"]
"""Those whose facts are found in the images."""
IMAGES = ["digits", "mnist", "fashion_mnist", "emnist", "cifar10", "facescrub", *FOUND]
IN_CODE = {
    "root",
    "splits",
    "properties",
    "sources",
    "classes",
    "where",
    "caches",
    "stamp",
    "decoder",
    "notes",
    "files",
}
"""Parameters that no file sets."""


def node(name: str) -> Any:
    return OmegaConf.load(FOLDER / f"{name}.yaml").dataset


@pytest.mark.parametrize("name", IMAGES)
def test_every_key_has_a_comment(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text()
    assert text.startswith("# @package _global_\n")
    keys = [line for line in text.split("dataset:\n")[-1].splitlines() if re.match(r" +\w+:", line)]
    assert len(keys) >= 10
    assert [line for line in keys if "#" not in line] == []


@pytest.mark.parametrize("name", IMAGES)
def test_every_key_is_a_parameter_and_every_parameter_a_key(name: str) -> None:
    keys = set(node(name)) - {"_target_"}
    own = inspect.signature(get_method(node(name)._target_)).parameters
    shared = [image_dataset, *([dataset_of] if name in FOUND else [])]
    allowed = {*own}.union(*(inspect.signature(function).parameters for function in shared)) - IN_CODE
    assert keys <= allowed
    assert allowed - keys <= {"augmentation", "variant", "transposed", "published_split"}
    assert name in FOUND or node(name).name == name


def test_the_default_is_instantiated_as_run_does() -> None:
    dataset = instantiate(node("digits"), root=Path("nowhere"))
    assert (dataset.name, dataset.num_classes, dataset.image_size) == ("digits", 10, (28, 28))
    assert dataset.mean == dataset.std == (0.5, 0.5, 0.5)
    assert dataset.augmentation == Augmentation()


def test_figures_of_the_paper() -> None:
    assert [node(name).num_classes for name in ("emnist", "cifar10", "facescrub")] == [47, 10, 388]
    assert 2400 // node("emnist").valid_one_in == 400
    assert 5000 // node("cifar10").valid_one_in == 1000
    assert node("facescrub").n_images == 50429
    assert instantiate(node("cifar10").augmentation) == Augmentation(padding=4, flip=True)
    assert instantiate(node("facescrub").augmentation) == Augmentation(padding=10, flip=True)
    assert list(node("cifar10").mean) == [0.49086496, 0.48182634, 0.44628558]
    assert list(node("cifar10").std) == [0.24671966, 0.24326433, 0.26157698]
    assert list(node("facescrub").mean) == [0.6166735, 0.46459484, 0.3915861]
    assert list(node("facescrub").std) == [0.2678699, 0.2301332, 0.22064506]
