"""Configurations of command lines; Hydra takes a tenth of a second for one, so that tests share what it makes."""

from copy import deepcopy
from functools import cache

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

import modrobust.config.identity  # noqa: F401  what interpolations in the YAML files call
from modrobust.config.keys import choices
from modrobust.config.options import CONF
from modrobust.config.typed import parser


@cache
def composed(*overrides: str, hydra: bool = False) -> DictConfig:
    """As Hydra makes it, with Hydra's own node where that is asked for; shared, so never to be changed."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=list(overrides), return_hydra_config=hydra)


def configured(*overrides: str) -> DictConfig:
    """A configuration of one's own: Hydra composes the options alone, and values of keys are set as it reads them."""
    options = choices(overrides)
    cfg = deepcopy(composed(*options))
    for one in parser().parse_overrides([text for text in overrides if text not in options]):
        OmegaConf.update(cfg, one.key_or_group, one.value())
    return cfg
