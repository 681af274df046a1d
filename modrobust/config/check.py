"""Whether a configuration is good, told from its command line and itself alone. Imports no torch."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from modrobust.config.identity import is_worker, plain
from modrobust.config.keys import check_keys, check_kinds, flatten, only_sets_values, unknown_choice, written
from modrobust.config.values import mistakes
from modrobust.corruption.choice import Composition, choose, parse_shard
from modrobust.corruption.composition import check_name
from modrobust.errors import UserError


def check(cfg: DictConfig, overrides: Sequence[str], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Refuse keys and values that would only fail later, or never; it takes milliseconds, for sweeps of thousands.

    Args:
        cfg: a run's configuration.
        overrides: the command line it was composed from.
        known: see `keys.written`, where it is known already.

    Returns:
        the configuration as plain containers, interpolations resolved.

    Raises:
        UserError: what is wrong, what was found and what is allowed.
    """
    if line := unknown_choice(overrides):  # Hydra passes over an optional group's
        raise UserError(line)
    as_written = plain(cfg, resolve=False)
    if known is None:  # Hydra takes a tenth of a second
        known = dict(flatten(as_written)) if only_sets_values(overrides, as_written) else written(overrides)
    check_keys(as_written, known)
    content = plain(cfg)
    elemental = content["corruption"].get("elemental")
    if elemental is None:
        raise UserError("The key 'corruption.elemental' is missing.")
    for name in elemental if isinstance(elemental, dict) else ():  # before the list that is made of them
        check_name(str(name))
    if wrong := mistakes(content):  # of keys that take their values from others, the others are to blame
        taken = {key for key, value in flatten(as_written) if isinstance(value, str) and "${" in value}
        raise UserError(min(wrong, key=lambda one: one[0] in taken)[1])
    check_kinds(content, known)
    if cfg.search is not None and not is_worker(cfg):
        raise UserError(f"search={cfg.search.kind} is a sweep of many runs: modrobust -m search={cfg.search.kind} ...")
    wanted = cfg.evaluation  # its keys differ from evaluation to evaluation
    parse_shard(wanted.get("shard", "1/1"))
    if (compositions := content["corruption"].get("compositions")) is None:
        raise UserError("The key 'corruption.compositions' is missing.")
    choose(_sampled(json.dumps(compositions)), elemental, wanted.get("compositions"), wanted.get("max_length"))
    for number, one in enumerate(cfg.evaluations):
        if not isinstance(one, DictConfig) or not {"_target_", "name"} <= one.keys():
            raise UserError(
                f"evaluations[{number}]: _target_ (a class) and name (of a folder) are needed; it is {one}."
            )
    return content


@lru_cache(maxsize=64)  # milliseconds each, and the same for most runs of a sweep
def _sampled(compositions: str) -> list[Composition]:
    """The compositions that a node of the configuration, as JSON, describes."""
    node = DictConfig({"corruption": {"compositions": json.loads(compositions)}}).corruption.compositions
    return list(instantiate(node, _convert_="all"))  # the node's place is for messages
