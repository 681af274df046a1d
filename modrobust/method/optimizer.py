"""torch's optimizers without torch's compiler: it has no part in them, and its import takes 1.5 s and 100 MB."""

from inspect import unwrap
from types import MethodType

import torch
from torch.optim import Optimizer

for _name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
    # At a first call they would import the compiler, to be hidden from it; these are marked as hidden. Where torch
    # has changed, and does not look at the mark, nothing but the time is lost.
    _plain = unwrap(getattr(Optimizer, _name))
    setattr(_plain, "__dynamo_disable", _plain)


def uncompiled(optimizer: Optimizer) -> Optimizer:
    """An optimizer whose step does not import the compiler; of torch's own, in place. The numbers are the same."""
    if type(optimizer).__module__.startswith("torch.optim."):
        step = torch.no_grad()(unwrap(type(optimizer).step))
        optimizer.step = MethodType(step, optimizer)  # type: ignore[method-assign]
    return optimizer
