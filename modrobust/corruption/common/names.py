"""The functions of the nineteen by name."""

from collections.abc import Callable
from importlib import import_module

from torch import Tensor

from modrobust.corruption.common import PUBLISHED

COMMON: dict[str, Callable[..., Tensor]] = {
    name: getattr(import_module(f"modrobust.corruption.common.{published}"), published)
    for name, published in PUBLISHED.items()
}
