"""One run: config -> dataset -> corruption -> model -> method -> evaluation -> results; or a task."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig

from modrobust.config.explain import explain
from modrobust.config.identity import check, identity, is_worker, parse_shard, unnamed
from modrobust.config.options import CONF
from modrobust.corruption.composition import label
from modrobust.corruption.selection import choose, share

if TYPE_CHECKING:
    from modrobust.build import Track
    from modrobust.store.run_folder import Run

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def run(cfg: DictConfig) -> None:
    """One run of the command line; of a sweep, one of its runs."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        check(cfg, HydraConfig.get().overrides.task)
        if is_worker(cfg):
            from modrobust.search.worker import serve  # imports optuna, which is an extra

            serve(cfg, folder, work_once)
        else:
            work_once(cfg, folder)
    except Exception as error:
        line = explain(error, sys.argv[1:])
        if line and HydraConfig.get().mode is RunMode.RUN:
            sys.exit(f"modrobust: {line}")
        if line:  # the sweep goes on
            log.error("failed: %s", line)
        raise


def work_once(cfg: DictConfig, folder: Path) -> None:
    """Train, evaluate, write, show; what an earlier attempt finished is not done again."""
    from modrobust.evaluation.shards import merge
    from modrobust.evaluation.summary import show  # these import more than --help can wait for
    from modrobust.store.run_folder import Run

    if "task" in cfg:
        from modrobust.build import experiment_of  # imports torch

        with Run(folder, cfg) as record:
            experiment, method = experiment_of(cfg), instantiate(unnamed(cfg.method))
            instantiate(unnamed(cfg.task))(experiment, method, record.folder)
        return
    wanted, elemental = cfg.evaluation, cfg.corruption.elemental
    compositions = instantiate(cfg.corruption.compositions, _convert_="all")
    compositions = choose(compositions, elemental, wanted.compositions, wanted.max_length)
    part, of = parse_shard(wanted.shard)
    record = Run(folder, cfg)
    if record.done:
        log.info("This run is done already; nothing to do. To repeat it, move its folder away.")
    else:
        with record, instantiate(unnamed(cfg.logger))(record.folder, identity(cfg)) as logger:
            work(cfg, record, share(compositions, part, of), logger.epoch)
            logger.results(record.folder / "results.csv")
    folder = record.folder
    if cfg.evaluate and of > 1 and merge(folder.parent, [label(c) for c in compositions], of):
        folder = folder.parent
    show(folder)


def work(
    cfg: DictConfig, record: "Run", compositions: list[tuple[str, ...]], track: "Track" = lambda row: None
) -> None:
    """From the configuration, known to be good, to the results. Below here only `build` sees it."""
    from modrobust.build import experiment_of  # imports torch, like all that follows
    from modrobust.dataset.structure import StructuredDataset
    from modrobust.evaluation.bits import evaluate_bits, splits_asked
    from modrobust.evaluation.compositions import evaluate, split_asked, write
    from modrobust.evaluation.examples import write_examples
    from modrobust.evaluation.pictures import draw_inputs, keep_pictures

    experiment = experiment_of(cfg, track)
    dataset: Any = experiment.data
    of_bits = isinstance(dataset, StructuredDataset)
    (splits_asked if of_bits else split_asked)(cfg.evaluation, dataset)
    if cfg.vis:
        draw_inputs(experiment, compositions, record.folder)
    trained = instantiate(unnamed(cfg.method)).train(experiment)
    record.keep(experiment.parts.used, experiment.tables, experiment.arrays)
    keep_pictures(experiment.pictures, record.folder)
    folder, wanted = record.folder, cfg.evaluation
    names = {group: cfg[group].name for group in ("dataset", "method", "model")}
    if cfg.evaluate and of_bits:
        evaluate_bits(trained, dataset, wanted, folder, names)
    elif cfg.evaluate:
        write_examples(Path(cfg.paths.outputs), identity(cfg), dataset, experiment.corruption)
        options = {"batch_size": wanted.batch_size, "activations": wanted.activations, "device": experiment.device}
        options |= {"folder": folder, "checkpoint_seconds": cfg.checkpoint_seconds}
        results = evaluate(trained, experiment.dataset, wanted.split, experiment.corruption, compositions, **options)
        write(results, dataset.splits[wanted.split], folder, {**names, "seed": cfg.seed, "split": wanted.split})
