"""A tiny configuration, what run.work makes of it, and a count of what is trained."""

from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from composed import composed
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from modrobust.config.identity import fingerprint, identity
from modrobust.method.experiment import Experiment
from modrobust.method.fit import _Loop
from modrobust.run import evaluations_of, work
from modrobust.store.run_folder import RunFolder

TINY = (
    *("threads=1", "device=cpu", "dataset._target_=tiny.images", "dataset.image_size=16"),
    *("dataset.n_train=12", "dataset.n_valid=8", "dataset.n_test=10"),
    *("training.epochs=1", "training.batch_size=12", "corruption.names=[Contrast,Rotate90]", "~recipe"),
)
COMPOSITIONS = ("Identity", "Contrast", "Rotate90-Contrast")

GROUPS = ("dataset", "method", "model", "recipe")

Configure = Callable[..., DictConfig]


@pytest.fixture(scope="session", autouse=True)
def numerics() -> Iterator[None]:
    """What run.work sets for the process is undone."""
    deterministic, threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.use_deterministic_algorithms(deterministic)
    torch.set_num_threads(threads)


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """The configuration of a command line, tiny where that says nothing else; outputs go to tmp_path."""

    def configure(*overrides: str) -> DictConfig:
        texts = [*TINY, f"paths.outputs={tmp_path}", *overrides]
        parsed = OverridesParser.create().parse_overrides(texts)
        cfg = deepcopy(composed(*[o.input_line or "" for o in parsed if o.key_or_group in GROUPS]))
        for one in parsed:
            parent, _, key = one.key_or_group.rpartition(".")
            if one.is_delete() and parent:
                with open_dict(cfg):
                    OmegaConf.select(cfg, parent).pop(key)
            elif one.key_or_group not in GROUPS:
                OmegaConf.update(cfg, one.key_or_group, one.value())
        return cfg

    return configure


@pytest.fixture
def run(configure: Configure, tmp_path: Path) -> Callable[..., Path]:
    """Does what `modrobust <overrides>` does, in this process and on tiny data; the run's folder."""

    def run(*overrides: str, compositions: tuple[str, ...] = COMPOSITIONS) -> Path:
        cfg = configure(*overrides)
        OmegaConf.update(cfg, "evaluation.compositions", list(compositions))
        record = RunFolder(tmp_path / "runs" / fingerprint(identity(cfg)), cfg)
        with record:
            work(cfg, record, evaluations_of(cfg))
        return record.folder

    return run


@pytest.fixture
def experiment(configure: Configure, tmp_path: Path) -> Callable[..., Experiment]:
    """What run.work gives to the method."""

    def experiment(*overrides: str) -> Experiment:
        from tiny import Look

        cfg = configure(*overrides, "evaluate=false")
        OmegaConf.update(cfg, "method._target_", "tiny.Look")
        work(cfg, RunFolder(tmp_path / "looked", cfg), {})
        (tmp_path / "looked/config.yaml").unlink(missing_ok=True)
        return Look.seen

    return experiment


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the epochs trained of each part."""
    count: Counter[str] = Counter()
    train_epoch = _Loop._train_epoch

    def counting(loop: _Loop, *args: Any) -> None:
        count[loop.part.name] += 1
        train_epoch(loop, *args)

    monkeypatch.setattr(_Loop, "_train_epoch", counting)
    return count
