"""An experiment of made-up images, as a task is given it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import composed
import pytest
from omegaconf import DictConfig

from modrobust.build import data_of, experiment_of
from modrobust.method.experiment import Experiment

TINY = (
    *("threads=1", "device=cpu", "dataset._target_=tiny.images", "dataset.image_size=16"),
    *("dataset.n_train=12", "dataset.n_valid=8", "dataset.n_test=10"),
)


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., DictConfig]:
    """The configuration of a command line with tiny data; outputs go to tmp_path."""
    return partial(composed.configured, *TINY, f"paths.outputs={tmp_path}")


@pytest.fixture
def experiment(configured: Callable[..., DictConfig]) -> Callable[..., Experiment]:
    """What methods and tasks are given."""
    return lambda *overrides: experiment_of(cfg := configured(*overrides), data_of(cfg))
