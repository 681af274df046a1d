"""What a configuration describes, made: data, corruptions, a network to build, how to train, where parts are kept."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from modrobust.config.identity import FEATURES_GB, identity, plain, training_identity, unnamed
from modrobust.dataset.content import content_of
from modrobust.dataset.contract import check_dataset
from modrobust.dataset.normalise import normalise
from modrobust.dataset.splits import Dataset, ImageDataset
from modrobust.device import place, prepare, room
from modrobust.errors import UserError
from modrobust.evaluation.evaluation import Output
from modrobust.evaluation.examples import examples_path
from modrobust.method.experiment import Experiment, Method
from modrobust.method.fit import Training
from modrobust.model.contract import check_network
from modrobust.model.divided import network_of
from modrobust.model.weights import content_of_file
from modrobust.numerics import choose, only_float32
from modrobust.profile import Profile
from modrobust.store.parts import Parts

Track = Callable[[dict[str, Any]], None]
"""Is given the rows of learning curves (see `parts.Part`)."""


def data_of(cfg: DictConfig) -> Dataset:
    """The data, on the CPU. Raises UserError where it can't be had or is not what methods expect."""
    dataset = instantiate(cfg.dataset, root=Path(cfg.paths.data))
    check_dataset(dataset, f"dataset ({cfg.dataset.get('_target_')})")
    return dataset  # type: ignore[no-any-return]


def experiment_of(
    cfg: DictConfig, dataset: Dataset, track: Track = lambda row: None, profiles: Path | None = None
) -> Experiment:
    """What methods and tasks are given. Below here nothing sees `cfg`.

    Args:
        cfg: the configuration.
        dataset: see `data_of`.
        track: gets the learning curves.
        profiles: the folder for a profile of some training steps; None for none.
    """
    device, auto = prepare(cfg.device, cfg.threads), cfg.cache_gb == "auto"
    corruption, build = instantiate(cfg.corruption), partial(instantiate, unnamed(cfg.model))
    if profiles:
        corruption.watch()
    if images := isinstance(dataset, ImageDataset):
        facts = {"num_classes": dataset.num_classes, "image_size": list(dataset.image_size)}
        asked = plain(cfg.model, resolve=False).items()
        found = {
            key: value
            for name, value in facts.items()
            for key, text in asked
            if (key == name or text == f"${{dataset.{name}}}") and cfg.model[key] is None
        }
        build = partial(build, **found)  # null in the YAML file: what the data has
        few = dataset.splits["train"].take(slice(2), device)
        if not str(network := cfg.model.get("_target_")).startswith("modrobust."):
            build = partial(network_of, build, dataset.image_size, f"model ({network})")
            two = normalise(few.inputs.cpu(), dataset)
            check_network(build, two, dataset.num_classes, f"model ({network})")
    how = cfg.precision, cfg.compile, cfg.channels_last
    numerics = choose(device, *how) if images else only_float32(device, f"dataset={dataset.name}", *how)
    data = {name: content_of(dataset.splits[name]) for name in ("train", "valid")}
    return Experiment(
        data=place(dataset, device),
        corruption=corruption,
        build=build,
        training=Training(
            **instantiate(cfg.training),
            checkpoint_seconds=cfg.checkpoint_seconds,
            autocast=numerics.autocast,
            watch=Profile("training", "a step", profiles, device, first=5, count=10).watch if profiles else nullcontext,
        ),
        parts=Parts(
            Path(cfg.paths.outputs) / "parts",
            {**training_identity(cfg), "data": data, **content_of_file(cfg.model.get("weights"))},
            identity(cfg)["corruption"],
            track,
        ),
        seed=cfg.seed,
        device=device,
        cache_gb=FEATURES_GB if auto else cfg.cache_gb,
        replicas=cfg.replicas,
        numerics=numerics,
        keep_bytes=room(device) if auto else cfg.cache_gb * 1e9,
    )


def method_of(cfg: DictConfig) -> Method:
    """The method, which is nothing but settings yet. Raises UserError where it could not train."""
    method = instantiate(unnamed(cfg.method))
    if not isinstance(method, Method):
        raise UserError(f"method ({cfg.method.get('_target_')}) has no train(experiment): see modrobust/method.")
    return method


def output_of(cfg: DictConfig, folder: Path, name: str, device: torch.device) -> Output:
    """Where an evaluation of a run writes.

    Args:
        cfg: the run's configuration.
        folder: the run's.
        name: of the evaluation, and of its folder below the run's; empty for the one of the group `evaluation`.
        device: where it tests.
    """
    columns = {**{group: cfg[group].name for group in ("dataset", "method", "model")}, "seed": cfg.seed}
    shown = not name and "compositions" in cfg.evaluation
    examples = examples_path(Path(cfg.paths.outputs), identity(cfg)) if shown else None
    unit = "a batch under all compositions" if "compositions" in cfg.evaluation else "a split"
    profile = Profile("testing", unit, folder, device, first=0, count=1).watch if cfg.profile else nullcontext
    return Output(folder / name, columns, cfg.checkpoint_seconds, examples, profile)
