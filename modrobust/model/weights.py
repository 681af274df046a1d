"""Weights from files: safetensors, or what torch.save wrote, of which nothing is run."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from modrobust.errors import UserError

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".tar")
INNER = ("state_dict", "model", "model_state_dict")
"""Where files of whole trainings have the weights."""


def is_file(weights: str) -> bool:
    """Whether a text means a file, which need not exist, rather than a name."""
    return Path(weights).suffix in SUFFIXES or "/" in weights


def content_of_file(weights: str | None) -> dict[str, str]:
    """For what parts depend on: a checksum of the file that training starts from, where it starts from one."""
    if weights is None or not is_file(weights) or not Path(weights).is_file():
        return {}
    return {"weights": hashlib.sha256(Path(weights).read_bytes()).hexdigest()}


def read(path: str) -> dict[str, Tensor]:
    """A file's weights by their names in the network.

    Those of modrobust's own parts have their block's name before them, those of parallel training `module.`; neither
    counts.

    Raises:
        UserError: there is no such file, or it holds something else than weights.
    """
    try:
        state: Any = load_file(path) if path.endswith(".safetensors") else torch.load(path, "cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"model.weights={path}: there is no such file.") from error
    except Exception as error:  # of any kind, for any bytes can stand there
        line = (str(error).splitlines() or [""])[0]
        raise UserError(f"model.weights={path}: not a file of weights alone ({line})") from error
    for key in INNER:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(isinstance(one, Tensor) for one in state.values()):
        raise UserError(f"model.weights={path}: holds {type(state).__name__}, weights by name are needed.")
    for prefix, cut in (("module.", 1), ("blocks.", 2)):
        if all(name.startswith(prefix) for name in state):
            state = {name.split(".", cut)[cut]: one for name, one in state.items()}
    return state


def load_into(
    network: nn.Module, state: dict[str, Tensor], num_classes: int, adapted: Iterable[str], source: str
) -> None:
    """Give a network weights; those of a classifier for other classes, and of an adapted stem, keep their first values.

    Args:
        network: what they are for.
        state: by name.
        num_classes: of the network.
        adapted: modules whose weights may differ.
        source: for messages.

    Raises:
        UserError: a weight is missing, or too many, or has another shape.
    """
    own = network.state_dict()
    free = {name for name in own if any(name.startswith(f"{module}.") for module in adapted)}
    free |= {name for name in own if _of_other_classes(own[name], state.get(name), num_classes)}
    for what, wrong in (
        ("lacks", own.keys() - state.keys() - free),
        ("has beside those of the network", {name for name in state.keys() - own.keys() if "aux" not in name.lower()}),
        ("has in another shape", {n for n in (own.keys() & state.keys()) - free if own[n].shape != state[n].shape}),
    ):
        if wrong:
            raise UserError(f"model.weights={source}: the file {what} {len(wrong)} weights, such as {min(wrong)}.")
    fitting = {name: one for name, one in state.items() if name in own and own[name].shape == one.shape}
    network.load_state_dict(fitting, strict=False)


def _of_other_classes(own: Tensor, other: Tensor | None, num_classes: int) -> bool:
    """Whether a weight is a classifier's, with a row for each class, and differs in nothing but their number."""
    return (
        other is not None and own.ndim > 0 and len(own) == num_classes and own.shape[1:] == other.shape[1:] != own.shape
    )
