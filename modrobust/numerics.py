"""How networks compute: precision, memory layout, compilation; chosen once for all parts of a run."""

import logging
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from modrobust.errors import UserError
from modrobust.progress import LOG_ONLY

log = logging.getLogger(__name__)

Built = TypeVar("Built", bound=nn.Module)

COMPILES = "2.14"  # from this torch on; before (2.4 to 2.13 were tried), Module.compile passes over an nn.Sequential
VERSIONS = 10_000  # of a function, compiled: for each block, batch size, and for training or testing


@dataclass(frozen=True)
class Numerics:
    """Corruptions, losses and weights are float32 whatever the precision, so that images have the same bits.

    Attributes:
        device_type: where networks compute: cpu, cuda.
        precision: float32; tf32 (products of matrices and convolutions with 10 bits after the point, on CUDA); or
            bfloat16 (the same in 16 bits, by torch's autocast).
        compiled: whether networks go through torch.compile, block by block.
        channels_last: whether weights, and so features, lie in memory with channels next to each other.
    """

    device_type: str = "cpu"
    precision: str = "float32"
    compiled: bool = False
    channels_last: bool = False

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which a network computes."""
        if self.precision != "bfloat16":
            return nullcontext()
        return torch.autocast(self.device_type, torch.bfloat16)

    def ready(self, network: Built) -> Built:
        """A network, laid out and compiled as is wanted; in place."""
        if self.channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.compiled:
            for block in getattr(network, "blocks", [network]):
                block.compile(dynamic=False)
        return network


def choose(device: torch.device, precision: str, compiled: bool, channels_last: bool | str) -> Numerics:
    """What `auto` stands for is chosen by the device, and said; then the process is set accordingly.

    Args:
        device: where networks compute.
        precision: as in `Numerics`, or auto: tf32 on CUDA, else float32.
        compiled: as in `Numerics`.
        channels_last: as in `Numerics`, or auto: true on CUDA, whose fast kernels take it, else as it comes.

    Raises:
        UserError: torch is too old to compile.
    """
    cuda = device.type == "cuda"
    taken = ("tf32" if cuda else "float32") if precision in ("auto", "tf32") else precision
    chosen = Numerics(device.type, taken, compiled, cuda if channels_last == "auto" else bool(channels_last))
    _allow_tf32(taken == "tf32")
    if compiled:
        _compile_all()
    why = " (tf32 is for CUDA)" if precision == "tf32" != taken else ""
    layout = "last" if chosen.channels_last else "first"
    also = ", compiled" if compiled else ""
    as_ever = not cuda and (precision, compiled, channels_last) == ("auto", False, "auto")
    extra = LOG_ONLY if as_ever else None
    log.info("networks compute on %s in %s%s, channels %s%s", device.type, taken, why, layout, also, extra=extra)
    return chosen


def only_float32(
    device: torch.device, what: str, precision: str, compiled: bool, channels_last: bool | str
) -> Numerics:
    """For networks that know no other way.

    Args:
        device, precision, compiled, channels_last: as in `choose`.
        what: computes so, for the message.

    Raises:
        UserError: something else is asked for, which would be part of the hash and of nothing else.
    """
    if precision not in ("auto", "float32") or compiled or channels_last is True:
        raise UserError(f"{what} goes with precision=float32 compile=false channels_last=false, and with auto.")
    _allow_tf32(False)
    return Numerics(device.type)


def _compile_all() -> None:
    """By default torch gives up at eight versions of one function, and blocks of a kind share theirs.

    Each shape has its own, always: kernels for any shape would depend on which shapes came before.

    Raises:
        UserError: this torch would compile none of them, and say nothing.
    """
    if torch.__version__ < COMPILES:
        raise UserError(f"compile=true needs torch {COMPILES} or newer, found is {torch.__version__}: compile=false.")
    import torch._dynamo.config as dynamo  # imports a compiler for a second

    dynamo.cache_size_limit = dynamo.accumulated_cache_size_limit = VERSIONS


def _allow_tf32(allowed: bool) -> None:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
