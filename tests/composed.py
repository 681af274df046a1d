"""Configurations of command lines; Hydra takes a tenth of a second for one, so that tests share what it makes."""

from copy import deepcopy
from functools import cache

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import OverrideType
from omegaconf import DictConfig, OmegaConf

import modrobust.config.identity  # noqa: F401  what interpolations in the YAML files call
from modrobust.config.command import found
from modrobust.config.options import CONF
from modrobust.config.typed import parser


@cache
def composed(*overrides: str, hydra: bool = False) -> DictConfig:
    """As Hydra makes it, with Hydra's own node where that is asked for; shared, so never to be changed."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=list(overrides), return_hydra_config=hydra)


def configured(*overrides: str) -> DictConfig:
    """The same, one's own, and sooner: values that are there are not composed, but set as Hydra reads them."""
    place, parsed = found(()), parser().parse_overrides(list(overrides))
    values = [
        one
        for one in parsed
        if one.type is OverrideType.CHANGE and not one.is_hydra_override() and not place.options(one.key_or_group)
    ]
    cfg = deepcopy(composed(*[str(one.input_line) for one in parsed if one not in values]))
    for one in values:
        OmegaConf.update(cfg, one.key_or_group, one.value())
    return cfg
