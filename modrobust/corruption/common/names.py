"""The functions of the nineteen by name."""

from importlib import import_module

from modrobust.corruption.common import PUBLISHED
from modrobust.corruption.common.parts import Common

COMMON: dict[str, Common] = {
    name: getattr(import_module(f"modrobust.corruption.common.{published}"), published)
    for name, published in PUBLISHED.items()
}
