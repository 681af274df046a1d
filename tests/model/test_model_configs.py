"""Every conf/model/*.yaml for images with classes builds the network it names; others do in test_modular.py."""

import copy
import pickle
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch.utils.flop_counter import FlopCounterMode

FILES = sorted((Path(__file__).parents[2] / "conf" / "model").glob("*.yaml"))
CONFIGS = [path for path in FILES if "num_classes" in path.read_text()]


def model_config(path: Path, num_classes: int, image_size: int) -> DictConfig:
    dataset = {"num_classes": num_classes, "image_size": image_size}
    config = OmegaConf.create({"dataset": dataset, "model": OmegaConf.load(path)}).model
    assert config.pop("name") == config.get("arch", path.stem)
    return config


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_builds_a_network_for_the_dataset(path: Path) -> None:
    if path.stem == "timm":
        pytest.importorskip("timm")
    with torch.device("meta"):
        network = instantiate(model_config(path, num_classes=7, image_size=80))
        assert network(torch.empty(2, 3, 80, 80)).shape == (2, 7)
        assert network.make_autoencoder()(torch.empty(2, 3, 80, 80)).shape == (2, 3, 80, 80)
    assert len(pickle.dumps(copy.deepcopy(network).make_module)) > 0


def test_small_cnn_is_the_emnist_network_at_a_tenth_of_the_cost() -> None:
    paths = {path.stem: path for path in CONFIGS}
    small, large = (instantiate(model_config(paths[k], 47, 28)) for k in ("small_cnn", "emnist_cnn"))
    assert small.block_names == large.block_names
    for level in range(small.levels):
        kinds = [[type(m) for m in network.make_module(level).modules()] for network in (small, large)]
        assert kinds[0] == kinds[1]
    cost = [multiply_adds(network.eval()) for network in (small, large)]
    assert cost[1] == pytest.approx(31.2e6, rel=0.01)
    assert 0.07 < cost[0] / cost[1] < 0.12


def multiply_adds(network: torch.nn.Module) -> int:
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, 28, 28))
    return counter.get_total_flops() // 2
