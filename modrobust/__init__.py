"""modrobust: compositional robustness and modular structure of neural networks.

From Python: ``from modrobust import Corrupt, UserError, compositions, evaluate``. What is listed here is public and
stays; the rest of the package may change.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modrobust.api import compositions, evaluate
    from modrobust.corruption.transform import Corrupt
    from modrobust.errors import UserError

__version__ = "0.1.0"
__all__ = ["Corrupt", "UserError", "compositions", "evaluate"]

_PLACES = {
    "Corrupt": "modrobust.corruption.transform",
    "UserError": "modrobust.errors",
    "compositions": "modrobust.api",
    "evaluate": "modrobust.api",
}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is asked for: `--help` need not wait for torch."""
    if name not in _PLACES:
        raise AttributeError(f"module 'modrobust' has no attribute '{name}'")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
