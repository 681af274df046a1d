"""Supervised training of networks with more or less known structure, many seeds as one batch (replicas)."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from modrobust.corruption.draw import Draw
from modrobust.errors import UserError
from modrobust.method.experiment import Experiment
from modrobust.method.fit import fit
from modrobust.method.made import Made
from modrobust.method.recorded import Recorded
from modrobust.method.restarts import best, draws, take
from modrobust.method.rows import Rows, rows_of
from modrobust.model.found import found, selected
from modrobust.model.selection import Sampling, precisely
from modrobust.model.structured import StructuredNetwork

NUMBERS_AT_ONCE = 800_000  # of inputs in one forward pass of a test: more leave the cache and take twice the time

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits, targets), both (R, n, B) -> losses (R, n)."""

LOSSES: dict[str, Loss] = {
    "bce": lambda z, y: functional.binary_cross_entropy_with_logits(z, y, reduction="none").mean(-1),
    "mse": lambda z, y: functional.mse_loss(z.sigmoid(), y, reduction="none").mean(-1),
    "cross_entropy": lambda z, y: -(z.log_softmax(-1) * y).sum(-1),
}


def precise(loss: Loss) -> Loss:
    """A loss whose bits do not depend on how many replicas there are."""
    return lambda z, y: loss(precisely(z), precisely(y))


class Supervised:
    """One network for each seed, trained on the bits of the targets."""

    def __init__(
        self,
        loss: str,
        lr: Mapping[str, float],
        weight_decay: Mapping[str, float],
        tau: float,
        gumbel: bool,
        per_sample_routing: bool,
        restarts: int = 1,
        routing_every: int | None = None,
        routing_until: float = 1,
    ) -> None:
        """Keep the settings.

        Args:
            loss: bce, mse (of the sigmoid), or cross_entropy (of the softmax over the outputs).
            lr: learning rate by what parameters are: dense, modules, inputs, locations.
            weight_decay: the same, in place of the optimiser's.
            tau: temperature of selections in training.
            gumbel: whether selections have Gumbel noise in training.
            per_sample_routing: whether each example has noise of its own.
            restarts: networks that are trained for each seed; the one with the smallest training loss is kept.
            routing_every: epochs from one record of the modules' inputs to the next; None for none.
            routing_until: share of the epochs in which selections are trained; in the rest only modules are.

        Raises:
            UserError: a value is not allowed.
        """
        if loss not in LOSSES:
            raise UserError(f"method.loss={loss}: allowed are {', '.join(LOSSES)}.")
        if tau <= 0:
            raise UserError(f"method.tau={tau}: a number above 0 is needed.")
        if per_sample_routing and not gumbel:
            raise UserError(
                "method.per_sample_routing=true: it is the noise that differs; set method.gumbel=true, too."
            )
        self.loss, self.lr, self.weight_decay = loss, dict(lr), dict(weight_decay)
        self.tau, self.gumbel, self.per_sample_routing = tau, gumbel, per_sample_routing
        self.restarts, self.routing_every, self.routing_until = restarts, routing_every, routing_until

    def train(self, experiment: Experiment) -> Made:
        """Train all replicas as one batch; keep their curves, and what routing they learned."""
        dataset, seeds = experiment.structured, experiment.seeds
        settings = {"loss": self.loss, "lr": self.lr, "weight_decay": self.weight_decay, "tau": self.tau}
        settings |= {"gumbel": self.gumbel, "per_sample_routing": self.per_sample_routing}
        noise = experiment.corruption.input_noise
        more: dict[str, float] = {"replicas": len(seeds)} if len(seeds) > 1 else {}
        more |= {"restarts": self.restarts} if self.restarts > 1 else {}
        more |= {"routing_every": self.routing_every} if self.routing_every else {}
        more |= {"routing_until": self.routing_until} if self.routing_until < 1 else {}
        part = experiment.parts.part("network", (), **settings, input_noise=noise, **more)
        tried = draws(seeds, self.restarts)
        network = experiment.structured_network(part, tried).to(experiment.device)
        learned = any(logits.learned for logits in network.selections.values())
        if self.gumbel and not learned:
            raise UserError("method.gumbel=true: the network learns no selection that could be noisy.")
        if self.routing_until < 1 and not learned:
            raise UserError(f"method.routing_until={self.routing_until}: the network learns no selection.")
        objective = _Bits(self, network, experiment, noise, tried)
        names = list(objective.rows)
        groups: list[dict[str, Any]] = [
            {"params": parameters, "lr": self.lr[what], "weight_decay": self.weight_decay[what]}
            for what, parameters in network.groups().items()
        ]
        fit(part, objective.recorded, objective, experiment.training, groups, last=True)
        kept, rows = list(range(len(tried))), objective.rows
        if self.restarts > 1:
            kept, rows = objective.best(), rows_of(dataset, seeds, experiment.device)
            every, network = network, experiment.structured_network(part, seeds).to(experiment.device)
            take(kept, every, network)
        recorded = objective.recorded.curves.cpu().numpy()[..., kept]
        curves = {f"{name}_{what}": recorded[:, i, j] for i, name in enumerate(names) for j, what in enumerate(WHAT)}
        tables: dict[str, list[dict[str, Any]]] = {"parameters": [network.count()]}
        if network.selections:
            tables["routing"] = selected(network, seeds)
        if dataset.structure and learned:
            tables["found"] = found(network, dataset.structure, seeds)
        arrays = {"curves": {**curves, "seeds": torch.tensor(seeds).numpy()}, **objective.recorded.routes(kept, seeds)}
        return Made(Trained(network, objective.loss, rows, seeds), (part,), tables, arrays)


WHAT = ("loss", "accuracy")


class _Bits:
    """The fit loop's objective: each replica's batches, in its own order and with its own noise."""

    def __init__(
        self,
        method: Supervised,
        network: StructuredNetwork,
        experiment: Experiment,
        noise: float,
        seeds: Sequence[int],
    ) -> None:
        self.method, self.network, self.noise = method, network, noise
        self.loss, device = precise(LOSSES[method.loss]), experiment.device
        self.seeds = torch.tensor(seeds, device=device)
        split_seeds = [seed for seed in experiment.seeds for _ in range(method.restarts)]
        self.rows = rows_of(experiment.structured, split_seeds, device)
        self.batch_size = min(experiment.training.batch_size, len(self.rows["train"]))
        self.steps = -(-len(self.rows["train"]) // self.batch_size)
        epochs, every = experiment.training.epochs, method.routing_every or 0
        self.recorded = Recorded(network, epochs, len(self.rows), len(seeds), every).to(device)
        self.epoch, self.routed = 0, epochs * method.routing_until
        self._order = lru_cache(maxsize=1)(self._shuffle)

    def _shuffle(self, epoch: int) -> Tensor:
        """Each replica's own order of the training rows, int64 (R, n)."""
        return Draw(repr(("order", epoch)), self.seeds).bits(len(self.rows["train"])).argsort(stable=True, dim=1)

    def step(self, epoch: int, step: int) -> dict[str, Tensor]:
        """One batch of every replica; what is minimised is the sum of their losses, which share nothing."""
        self.epoch = epoch
        for logits in self.network.selections.values():
            logits.values.requires_grad_(logits.learned and epoch < self.routed)
        if self.steps == 1:  # all rows: their order makes no difference
            some = self.rows["train"]
        else:
            some = self.rows["train"].at(self._order(epoch)[:, step * self.batch_size : (step + 1) * self.batch_size])
        x, task = some.seen(len(self.seeds))
        if self.noise:
            x = x + self.noise * Draw(repr(("input noise", epoch, step)), self.seeds).normal(*x.shape[1:])
        z, y = self.network(x, task, self._sampling(epoch, step)), some.targets.expand(len(x), -1, -1)
        losses, accuracies = self.loss(z, y).mean(1), correct(z.detach(), y).mean(1)
        if step == 0:
            self.recorded.running.zero_()
        self.recorded.running += torch.stack([losses.detach(), accuracies]) * (len(some) / len(self.rows["train"]))
        means = {"loss": losses.detach().nanmean(), "accuracy": accuracies.mean()}
        return {"objective": losses.sum(), **means}

    def _sampling(self, epoch: int, step: int) -> Sampling:
        def gumbel(name: str, shape: tuple[int, ...]) -> Tensor:
            uniform = Draw(repr((name, epoch, step)), self.seeds).uniform(*shape)
            return -(-(uniform.double() + 2**-25).log()).log().float()  # in double: equal bits whatever the batch

        return Sampling(self.method.tau, gumbel if self.method.gumbel else None, self.method.per_sample_routing)

    def validate(self) -> dict[str, float]:
        """Means over replicas on the validation split; the curves take all splits of all replicas."""
        here = self.recorded.curves[self.epoch]
        self.recorded.end_epoch(self.epoch)
        for i, (name, rows) in enumerate(self.rows.items()):
            if name == "train":
                here[i] = self.recorded.running
            else:
                z = predict(self.network, rows, len(self.seeds))
                y = rows.targets.expand(len(z), -1, -1)
                here[i] = torch.stack([self.loss(z, y).mean(1), correct(z, y).mean(1)])
        loss, accuracy = here[list(self.rows).index("valid")].nanmean(1).tolist()
        return {"loss": loss, "accuracy": accuracy}

    def best(self) -> list[int]:
        """See `restarts.best`: by the loss of the networks as they are tested, without noise."""
        rows = self.rows["train"]
        z = predict(self.network, rows, len(self.seeds))
        return best(self.loss(z, rows.targets.expand_as(z)).float().mean(1), self.method.restarts)


def correct(z: Tensor, y: Tensor) -> Tensor:
    """The share of right bits, threshold one half: logits and targets (R, n, B) -> (R, n)."""
    return ((z > 0) == (y > 0.5)).float().mean(-1)


@torch.inference_mode()
def predict(network: StructuredNetwork, rows: Rows, replicas: int) -> Tensor:
    """Logits of all rows, float32 (R, n, B), as many rows at a time as memory is fit for."""
    size = max(1, NUMBERS_AT_ONCE // (replicas * rows.inputs[0, 0].numel()))
    parts = [rows.slice(start, start + size).seen(replicas) for start in range(0, len(rows), size)]
    return torch.cat([network(x, task) for x, task in parts], 1)


class Trained:
    """What a supervised training gives: the outputs of every seed's network on any split."""

    def __init__(self, network: StructuredNetwork, loss: Loss, rows: dict[str, Rows], seeds: list[int]) -> None:
        self.network, self.loss, self.rows, self.seeds = network, loss, rows, seeds

    def outputs(self, split: str) -> dict[str, Tensor]:
        """All rows of a split: logits float32 (R, n, B), loss float32 (R, n), targets float32 (R or 1, n, B)."""
        rows = self.rows[split]
        z = predict(self.network, rows, len(self.seeds))
        return {"logits": z, "loss": self.loss(z, rows.targets.expand_as(z)).float(), "targets": rows.targets}
