"""A sweep on one machine, by a pool of worker processes."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn

from modrobust.config.identity import plain
from modrobust.config.values import check_values
from modrobust.interrupt import handled
from modrobust.machine import places
from modrobust.sweep.launch import finished, to_do
from modrobust.sweep.notify import Notify
from modrobust.sweep.plan import Composer, counted, plan
from modrobust.sweep.pool import Pool
from modrobust.sweep.tally import tally

log = logging.getLogger(__name__)


@handled()
def launch(params: Mapping[str, Any], compose: Composer, jobs: Sequence[Sequence[str]]) -> list[JobReturn]:
    """Do a sweep's runs in worker processes; those that are done are left alone.

    Args:
        params: of the launcher's configuration: processes, gpus, runs_per_gpu, split, notify.
        compose: makes a run's configuration from its overrides.
        jobs: each run's overrides.

    Raises:
        UserError: a value of the launcher or of a run is wrong; two runs are the same; or, at the end, runs failed:
            each is listed before.
    """
    check_values(plain(compose.config.hydra.launcher), "hydra.launcher.")
    runs, cfg = Path(str(compose.config.hydra.sweep.dir)).absolute(), compose.config
    planned = plan(jobs, compose, runs)
    stages, missing = to_do(planned, runs, params["split"] == "parts")
    both, before, logs = [*stages, *missing], len(planned) - len(missing), runs / ".local"
    gpus = 0 if cfg.device == "cpu" else params["gpus"]
    at = places(params["processes"], gpus, params["runs_per_gpu"], cfg.threads)[: len(both)]
    with tally(len(planned) + len(stages), Notify(params["notify"], runs)) as shown:
        pool = Pool(both, compose.context, at, shown.note, logs)
        if both:
            logs.mkdir(parents=True, exist_ok=True)
            used = len({place.get("CUDA_VISIBLE_DEVICES") for place in at} - {None})
            on = f" on {used} GPU{'s' * (used > 1)}" if used else ""
            log.info("%s in %d processes%s, which write to %s", counted(missing), len(at), on, logs)
            pool.run(lambda done, failed, running: shown.show(before + done, failed, running))
    return finished(planned, both, runs)
