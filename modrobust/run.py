"""One run: config -> dataset -> corruption -> model -> method -> evaluation -> results; or a task."""

import gc
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig

from modrobust.config.check import check
from modrobust.config.explain import explain
from modrobust.config.identity import identity, is_worker, unnamed
from modrobust.config.options import CONF
from modrobust.errors import UserError
from modrobust.store.files import require_held

if TYPE_CHECKING:
    from modrobust.build import Track
    from modrobust.evaluation.evaluation import Evaluation
    from modrobust.store.run_folder import RunFolder
    from modrobust.task.task import Task

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def run(cfg: DictConfig) -> None:
    """One run of the command line; of a sweep, one of its runs."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        check(cfg, HydraConfig.get().overrides.task)
        do(cfg, folder)
    except Exception as error:
        line = explain(error, sys.argv[1:])
        if line and HydraConfig.get().mode is RunMode.RUN:
            sys.exit(f"modrobust: {line}")
        if line:  # the sweep goes on
            log.error("failed: %s", line)
        raise


def do(cfg: DictConfig, folder: Path) -> None:
    """One run, or the many of a search's worker, whose configuration is known to be good."""
    if is_worker(cfg):
        instantiate(cfg.search.serve)(cfg, folder, work_once)
    else:
        work_once(cfg, folder)


def work_once(cfg: DictConfig, folder: Path, watch: "Track" = lambda row: None) -> None:
    """Train, evaluate, write, show; what an earlier attempt finished is not done again.

    Args:
        cfg: the configuration.
        folder: the run's.
        watch: is given the rows of learning curves, too, and may raise Pruned.
    """
    from modrobust.evaluation.shards import merged
    from modrobust.evaluation.summary import show  # these import more than --help can wait for
    from modrobust.store.run_folder import RunFolder

    if "task" in cfg:
        _import_torch()
        from modrobust.build import data_of, experiment_of, method_of
        from modrobust.device import described

        with RunFolder(folder, cfg) as record:
            experiment = experiment_of(cfg, data_of(cfg))
            record.update(**described(experiment.device))
            method = method_of(cfg)
            task: Task = instantiate(unnamed(cfg.task))
            task(experiment, method, record.folder)
        return
    evaluations = evaluations_of(cfg)
    record = RunFolder(folder, cfg)
    if record.done:
        if record.data_changed():
            _compare_data(cfg, record)
        log.info("This run is done already; nothing to do. To repeat it, move its folder away.")
    else:
        _import_torch()  # before a signal would have a status to write
        with record, instantiate(unnamed(cfg.logger))(record.folder, identity(cfg)) as logger:
            work(cfg, record, evaluations, lambda row: _tracked(row, record, logger.epoch, watch))
            logger.results(record.folder / "results.csv")
        if cfg.keep == "results":
            record.leave_out("predictions.npz", "metrics.csv")
    show(merged(record.folder))


def _import_torch() -> None:
    """It leaves no garbage; to look for some meanwhile, and then in all that it brought, takes most of a second."""
    if "modrobust.build" not in sys.modules:
        gc.disable()
        try:
            import modrobust.build  # noqa: F401
        finally:
            gc.freeze()
            gc.enable()


def _compare_data(cfg: DictConfig, record: "RunFolder") -> None:
    """Refuse to answer with results of other data than is there now; where none is there, that is said."""
    from modrobust.build import data_of  # imports torch
    from modrobust.dataset.record import record_of

    try:
        data = record_of(data_of(cfg))
    except UserError as error:
        log.warning("its data can't be looked at, so these results are of what it was then: %s", error)
        return
    record.note_data(data)


def _tracked(row: dict[str, Any], record: "RunFolder", *tracks: "Track") -> None:
    """Pass on a row of a learning curve, where the run's folder is still there: else the training has no use."""
    require_held(record.folder)
    for track in tracks:
        track(row)


def evaluations_of(cfg: DictConfig) -> dict[str, "Evaluation"]:
    """The evaluations of a run, by their folders within the run's; that of the group has the run's own."""
    return {"": instantiate(cfg.evaluation)} | {one.name: instantiate(unnamed(one)) for one in cfg.evaluations}


def work(
    cfg: DictConfig, record: "RunFolder", evaluations: Mapping[str, "Evaluation"], track: "Track" = lambda row: None
) -> None:
    """From the configuration, known to be good, to the results. Below here only `build` sees it.

    Args:
        cfg: the configuration.
        record: the run's folder.
        evaluations: see `evaluations_of`.
        track: is given the rows of learning curves.
    """
    from modrobust.build import data_of, experiment_of, method_of, output_of  # imports torch, like all that follows
    from modrobust.dataset.record import record_of
    from modrobust.device import described
    from modrobust.evaluation.pictures import keep_pictures
    from modrobust.meter import Meter
    from modrobust.method.made import made_of

    dataset = data_of(cfg)
    record.note_data(record_of(dataset))
    experiment = experiment_of(cfg, dataset, track, record.folder if cfg.profile else None)
    record.update(**described(experiment.device))
    for evaluation in evaluations.values():
        evaluation.check(experiment)
    if cfg.vis:
        evaluations[""].draw(experiment, record.folder)
    method = method_of(cfg)
    meter = Meter(experiment.device)
    with meter.stretch("training"):
        made = made_of(method.train(experiment))
    if cfg.profile and not (record.folder / "profile-training.json").exists():
        log.warning("profile=true: this run has trained too few steps for a table of them; finished parts take none.")
    record.keep(made.parts, made.tables, made.arrays)
    keep_pictures(made.pictures, record.folder)
    with meter.stretch("testing"):
        for name, evaluation in evaluations.items() if cfg.evaluate else ():
            evaluation(made, experiment, output_of(cfg, record.folder, name, experiment.device))
    record.update(**meter.found)
