"""Selections that are learnt: one-hot forwards, smooth backwards (straight-through)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from modrobust.model.replicas import products

Noise = Callable[[str, tuple[int, ...]], Tensor]
"""(name of the selection, shape) -> Gumbel noise, float32 (R, *shape); new at every step."""


@dataclass(frozen=True)
class Sampling:
    """How selections are made while training. In evaluation the logits decide as they are.

    Attributes:
        tau: temperature; the logits are divided by it.
        gumbel: noise for the logits; None for none.
        per_sample: whether each example has noise of its own.
    """

    tau: float = 1.0
    gumbel: Noise | None = None
    per_sample: bool = False


def straight_through(hard: Tensor, z: Tensor, soft: Callable[[Tensor], Tensor]) -> Tensor:
    """The value of `hard`, the gradient of soft(z), which is computed where there is one."""
    if not (torch.is_grad_enabled() and z.requires_grad):
        return hard
    smooth = soft(precisely(z)).to(z.dtype)
    return hard + (smooth - smooth.detach())


def precisely(x: Tensor) -> Tensor:
    """In double on a CPU: there exponentials of floats differ in the last bit with their place among the others.

    Rounded to float again, they are those of a replica alone, to the bit.
    """
    return x.double() if x.device.type == "cpu" else x


def top(z: Tensor, k: int) -> Tensor:
    """One-hot choices of the k largest along the last but one dimension, the largest first.

    Logits are ranked, not their sigmoids, which are equal in float32 from about 17 on; of equal ones the first wins.

    Args:
        z: float32 (..., n, m).
        k: 1..n.

    Returns:
        float32 (..., n, m, k).
    """
    places = z.detach().argsort(stable=True, dim=-2, descending=True)[..., :k, :].transpose(-1, -2)
    return (torch.arange(z.shape[-2], device=z.device)[:, None, None] == places.unsqueeze(-3)).to(z.dtype)


def choose_inputs(z: Tensor, k: int) -> Tensor:
    """The k inputs of each module: straight-through, each with the gradient of sigmoid(z).

    Args:
        z: float32 (..., inputs, modules).

    Returns:
        float32 (..., inputs, modules, k).
    """
    return straight_through(top(z, k), z, lambda z: z.sigmoid().unsqueeze(-1))


def choose_one(z: Tensor) -> Tensor:
    """One of the options of each column: straight-through, with the gradient of softmax(z).

    Args:
        z: float32 (..., options, columns).

    Returns:
        The same shape.
    """
    return straight_through(top(z, 1).squeeze(-1), z, lambda z: z.softmax(-2))


class Logits(nn.Module):
    """Logits of a selection for each replica and task, learnt (standard normal at first) or known.

    Args:
        draws: of the first values, one generator for each replica.
        name: keys the noise.
        shape: (tasks, options, columns).
        known: the values (options, columns) if they are known; they are not trained then.
    """

    def __init__(
        self, draws: list[torch.Generator], name: str, shape: tuple[int, int, int], known: Tensor | None
    ) -> None:
        super().__init__()
        self.name, self.learned = name, known is None
        if known is None:
            self.values = nn.Parameter(torch.stack([torch.randn(shape, generator=draw) for draw in draws]))
        else:
            self.register_buffer("values", known.expand(len(draws), *shape).clone())

    def forward(self, task: Tensor | None, batch: int, sampling: Sampling | None) -> Tensor:
        """What the choice is made from: float32 (R, 1, options, columns), or (R, B, ...) where examples differ.

        Args:
            task: int64 (R, B), each example's task; None where there is one.
            batch: B.
            sampling: None in evaluation.
        """
        z: Tensor = self.values
        if task is not None:
            z = z[torch.arange(len(z), device=z.device)[:, None], task]
        if sampling is None:
            return z
        z = z / sampling.tau
        if sampling.gumbel is None or not self.learned:
            return z
        examples = batch if sampling.per_sample else self.values.shape[1]
        noise = sampling.gumbel(self.name, (examples, *z.shape[-2:])) / sampling.tau
        if task is not None and not sampling.per_sample:  # one noise for all examples of a task
            noise = noise[torch.arange(len(z), device=z.device)[:, None], task]
        return z + noise


def known_inputs(inputs: Sequence[Sequence[int]], n: int) -> Tensor:
    """Logits (n, modules) that choose these inputs in this order: 1.1 and 1.0 of two, 1.1 - i/1000 of more; else 0."""
    logits = torch.zeros(n, len(inputs))
    for module, places in enumerate(inputs):
        for i, place in enumerate(places):
            logits[place, module] = (1.1, 1.0)[i] if len(places) == 2 else 1.1 - i / 1000
    return logits


def known_choice(choices: Sequence[int], n: int) -> Tensor:
    """Logits (n, columns) that choose one option for each column: 1.0, else 0."""
    return torch.eye(n)[:, list(choices)]


def select(x: Tensor, chosen: Tensor) -> Tensor:
    """What each module sees of its layer's inputs.

    Args:
        x: float32 (R, B, n).
        chosen: float32 (R, 1 or B, n, modules, k).

    Returns:
        float32 (R, modules, B, k).
    """
    modules, k = chosen.shape[-2:]
    if chosen.shape[1] == 1:
        seen = products(x, chosen[:, 0].flatten(2))
    else:
        seen = products(x.flatten(0, 1)[:, None], chosen.flatten(0, 1).flatten(2))[:, 0].unflatten(0, x.shape[:2])
    return seen.unflatten(-1, (modules, k)).transpose(1, 2)
