"""The loop that trains every part: epochs of steps, the best validation loss kept, resumable to the bit."""

import logging
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from modrobust import interrupt
from modrobust.errors import Diverged, Pruned, UserError
from modrobust.method.optimizer import uncompiled
from modrobust.progress import Bar, bar
from modrobust.seeds import derive
from modrobust.store.parts import Part

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0  # at the losses: whether they are finite, and what people see; each makes a GPU wait
SECONDS_BETWEEN_METRICS = 2.0


@dataclass(frozen=True)
class Training:
    """How parts are trained.

    Attributes:
        epochs: passes over the training data.
        batch_size: images a step, all views together.
        optimizer: (parameters, lr) -> a torch optimizer.
        schedule: (optimizer) -> a torch learning rate scheduler, stepped once an epoch.
        checkpoint_seconds: time between checkpoints; does not change the result.
        autocast: makes the context in which networks compute; see `modrobust.numerics.Numerics`.
        watch: makes the context of every step; see `modrobust.profile.Profile`.
    """

    epochs: int
    batch_size: int
    optimizer: Callable[..., torch.optim.Optimizer]
    schedule: Callable[..., torch.optim.lr_scheduler.LRScheduler]
    checkpoint_seconds: float = 60.0
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext
    watch: Callable[[], AbstractContextManager[object]] = nullcontext


class Objective(Protocol):
    """What a method trains. Every draw must follow from (epoch, step) and torch's global generator alone."""

    @property
    def steps(self) -> int:
        """Steps an epoch."""

    def step(self, epoch: int, step: int) -> dict[str, Tensor]:
        """Named scalars of one batch; what is minimised is `loss`, or `objective` where there is one."""

    def validate(self) -> dict[str, float]:
        """Named scalars of the validation split; the smallest `loss` chooses the weights."""


Groups = list[dict[str, Any]]
"""A torch optimiser's parameter groups."""


def fit(
    part: Part,
    network: nn.Module,
    objective: Objective,
    training: Training,
    lr: float | Groups,
    keep: bool = True,
    last: bool = False,
) -> None:
    """Give `network` the part's trained weights: read them where they are finished, else train (or resume).

    Args:
        part: where they are kept.
        network: its whole state is what is kept.
        objective: its data and loss.
        training: epochs, optimiser.
        lr: learning rate, or parameter groups with their own.
        keep: False: only the learning curve is kept, and the network is left as it is.
        last: the weights after the last epoch are kept, not those of the best validation loss.

    Training is a pure function of the part: it ends with the same bits however often it was killed.

    Raises:
        UserError: the optimiser or schedule refuses its settings.
        Diverged: the loss became infinite or not a number (batch, epoch and learning rate are named).
        Interrupted: a signal came; the state is saved.
        Pruned: who is told the learning curve gave up; the same.
    """
    with part.held():
        weights = part.find(network)
        if weights is None:
            with interrupt.saving():
                weights = _Loop(part, network, objective, training, lr, last).run(keep)
        else:
            _tell(part, part.curve())
    if keep:
        network.load_state_dict(weights)


class _Loop:
    def __init__(
        self, part: Part, network: nn.Module, objective: Objective, training: Training, lr: float | Groups, last: bool
    ) -> None:
        self.part, self.network, self.objective, self.training, self.last = part, network, objective, training, last
        try:
            make, groups = training.optimizer, isinstance(lr, list)
            self.optimizer = uncompiled(make(lr) if groups else make(network.parameters(), lr=lr))
            self.schedule = training.schedule(self.optimizer)
        except (TypeError, ValueError) as error:
            raise UserError(f"training.optimizer or training.schedule: {error}") from error
        self.epoch = self.step = 0
        self.sums: dict[str, float] = {}
        self.waiting: list[dict[str, Tensor]] = []  # scalars of steps not yet added to the sums
        self.rows: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {"loss": math.inf, "epoch": -1, "weights": {}}
        self.seconds = 0.0  # of training in earlier attempts

    def run(self, keep: bool) -> dict[str, Tensor]:
        state = self.part.load_checkpoint()
        if state is not None:
            self._restore(state)
            log.info("%s: going on at epoch %d, step %d", self.part.name, self.epoch + 1, self.step)
            _tell(self.part, self.rows)
        self.begun = self.saved = self.written = self.looked = time.monotonic()
        steps = self.objective.steps
        self.network.train()  # validation restores it
        with bar(self.part.name, self.training.epochs * steps, self.epoch * steps + self.step) as shown:
            while self.epoch < self.training.epochs:
                self._train_epoch(steps, shown)
                self._end_epoch(shown)
        self.optimizer.zero_grad(set_to_none=True)  # the last gradients would take memory while others train
        self.part.write_metrics(self.rows)
        summary = {"part": self.part.name, "epochs": self.epoch, "seconds": round(self._elapsed(), 2)}
        if not self.last:
            summary |= {"best_epoch": self.best["epoch"] + 1, "best_valid_loss": self.best["loss"]}
        weights: dict[str, Tensor] = self.network.state_dict() if self.last else self.best["weights"]
        weights = weights if keep else {}
        self.part.finish(weights, summary)
        return weights

    def _train_epoch(self, steps: int, shown: Bar) -> None:
        while self.step < steps:
            seed_torch(derive(self.part.seed, self.part.name, self.epoch, self.step))
            with self.training.watch():
                with self.training.autocast():
                    scalars = self.objective.step(self.epoch, self.step)
                self.optimizer.zero_grad(set_to_none=True)
                scalars.pop("objective", scalars["loss"]).backward()
                self.optimizer.step()
            self.waiting.append({name: value.detach() for name, value in scalars.items()})
            self.step += 1
            shown.advance()
            if time.monotonic() - self.looked >= SECONDS_BETWEEN_LOOKS or self.step == steps:
                self._add_up()
                means = {name: total / self.step for name, total in self.sums.items()}
                shown.say(f"epoch {self.epoch + 1}", *_texts(means), *self._last_validation())
            if self.step < steps:  # else after validation: the schedule warns where no step came before it
                self._save_if_asked()

    def _end_epoch(self, shown: Bar) -> None:
        lr = self.optimizer.param_groups[0]["lr"]
        with self.training.autocast():
            valid = self.objective.validate()
        if not math.isfinite(valid["loss"]):
            raise self._diverged("the validation loss", valid["loss"], "after the last batch")
        if valid["loss"] < self.best["loss"] and not self.last:
            weights = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
            self.best = {"loss": valid["loss"], "epoch": self.epoch, "weights": weights}
        row: dict[str, Any] = {"part": self.part.name, "epoch": self.epoch + 1, "lr": lr}
        row |= {name: total / self.objective.steps for name, total in self.sums.items()}
        row |= {f"valid_{name}": value for name, value in valid.items()}
        self.rows.append({**row, "seconds": round(self._elapsed(), 2)})
        self.schedule.step()
        self.epoch, self.step, self.sums = self.epoch + 1, 0, {}
        if time.monotonic() - self.written >= SECONDS_BETWEEN_METRICS:
            self.part.write_metrics(self.rows)
            self.written = time.monotonic()
        try:
            _tell(self.part, self.rows[-1:])
        except Pruned:
            self._save()
            raise
        self._save_if_asked()

    def _add_up(self) -> None:
        self.looked = time.monotonic()
        if not self.waiting:
            return
        names = list(self.waiting[0])
        table = torch.stack([scalars[name] for scalars in self.waiting for name in names]).view(-1, len(names))
        for back, row in enumerate(table.tolist()):  # one look, however many steps
            values = dict(zip(names, row, strict=True))
            if not math.isfinite(values["loss"]):
                batch = self.step - len(self.waiting) + back + 1
                raise self._diverged("the training loss", values["loss"], f"in batch {batch} of {self.objective.steps}")
            for name, value in values.items():
                self.sums[name] = self.sums.get(name, 0.0) + value
        self.waiting = []

    def _diverged(self, what: str, value: float, where: str) -> Diverged:
        lr = self.optimizer.param_groups[0]["lr"]
        return Diverged(
            f"{self.part.name}: {what} is {value} {where}, epoch {self.epoch + 1}, learning rate {lr:g}; "
            "a smaller learning rate may help."
        )

    def _save_if_asked(self) -> None:
        signum = interrupt.pending()
        if signum is None and time.monotonic() - self.saved < self.training.checkpoint_seconds:
            return
        self._save()
        if signum is not None:
            log.info("%s: saved at epoch %d, step %d", self.part.name, self.epoch + 1, self.step)
            raise interrupt.Interrupted(signum)

    def _save(self) -> None:
        self._add_up()
        self.part.save_checkpoint(
            {
                "epoch": self.epoch,
                "step": self.step,
                "network": self.network.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "sums": self.sums,
                "rows": self.rows,
                "best": self.best,
                "seconds": self._elapsed(),
            }
        )
        self.saved = time.monotonic()

    def _restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.epoch, self.step = state["epoch"], state["step"]
        self.sums, self.rows, self.best, self.seconds = (
            state["sums"],
            state["rows"],
            state["best"],
            state["seconds"],
        )

    def _elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.begun

    def _last_validation(self) -> list[str]:
        last = self.rows[-1] if self.rows else {}
        return _texts({name: value for name, value in last.items() if name.startswith("valid_")})


def seed_torch(seed: int) -> None:
    """What torch.manual_seed does where there is a device: where there is none, it keeps a traceback of every call."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


def _tell(part: Part, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        part.log(row)


def _texts(scalars: dict[str, float]) -> list[str]:
    return [f"{name} {value:.4g}" for name, value in scalars.items()]
