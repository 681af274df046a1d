"""What a configuration must not say: keys and values that would only fail later, or never. Imports no torch."""

import re
from collections.abc import Sequence

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from modrobust.config.identity import is_worker
from modrobust.config.keys import check_keys, check_kinds, unknown_choice, written
from modrobust.corruption.selection import choose, parse_shard
from modrobust.errors import UserError


def check(cfg: DictConfig, overrides: Sequence[str]) -> None:
    """Refuse keys and values that would only fail later, or never; it takes milliseconds, for sweeps of thousands.

    Args:
        cfg: a run's configuration.
        overrides: the command line it was composed from.

    Raises:
        UserError: what is wrong, what was found and what is allowed.
    """
    if line := unknown_choice(overrides):  # Hydra passes over an optional group's
        raise UserError(line)
    known = written(overrides)
    check_keys(cfg, known)
    if cfg.search is not None and not is_worker(cfg):
        raise UserError(f"search={cfg.search.kind} is a sweep of many runs: modrobust -m search={cfg.search.kind} ...")
    least = {"training.epochs": 1, "training.batch_size": 1, "threads": 1, "replicas": 1, "seed": 0}
    wanted = cfg.evaluation  # its keys differ from evaluation to evaluation
    least |= {"evaluation.batch_size": 1} if "batch_size" in wanted else {}
    least |= {"evaluation.max_length": 0} if wanted.get("max_length") is not None else {}
    for key, smallest in least.items():
        value = OmegaConf.select(cfg, key)
        if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
            raise UserError(f"{key}={value}: a whole number of at least {smallest} is needed.")
    if wanted.get("activations") not in (None, True, False, "raw"):
        raise UserError(f"evaluation.activations={wanted.activations}: allowed are false, true and raw.")
    only = wanted.get("compositions")
    if only is not None and not isinstance(only, ListConfig):
        raise UserError(f"evaluation.compositions={only}: a list is needed, such as [Identity,Contrast-Swirl].")
    if re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", str(cfg.device)) is None:
        raise UserError(f"device={cfg.device}: allowed are auto, cpu, mps, cuda and cuda:<number>.")
    check_kinds(cfg, known)
    parse_shard(wanted.get("shard", "1/1"))
    elemental = cfg.corruption.elemental
    sampled = instantiate(cfg.corruption.compositions, _convert_="all")
    choose(sampled, elemental, only, wanted.get("max_length"))
    for number, one in enumerate(cfg.evaluations):
        if not isinstance(one, DictConfig) or not {"_target_", "name"} <= one.keys():
            raise UserError(
                f"evaluations[{number}]: _target_ (a class) and name (of a folder) are needed; it is {one}."
            )
