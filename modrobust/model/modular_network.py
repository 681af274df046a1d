"""Hierarchically modular networks: layers of small modules, each of which sees a few selected inputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from modrobust.dataset.structure import Structure
from modrobust.model.replicas import Cnns, Mlps, generators
from modrobust.model.selection import (
    Logits,
    Sampling,
    choose_inputs,
    choose_one,
    known_choice,
    known_inputs,
    select,
)
from modrobust.model.structured import StructuredNetwork


@dataclass(frozen=True)
class Plan:
    """The sizes of a modular network, and what it knows. Image modules are a layer before the others.

    Attributes:
        shape: of an input: (D,), or (images, H, W).
        tasks: each has logits of its own.
        layers: modules (slots, where modules are shared) of each layer.
        top_k: inputs of a module; a layer with fewer takes all of them.
        hidden: units of a module's hidden layers.
        n_out: outputs of the network.
        outputs_from: where they are selected: the `last` layer, or `all`.
        image_module: `mlp` with hidden layers of `image_sizes`, or `cnn` with channels of `image_sizes`.
        image_outputs: outputs of an image module.
        shared: how many modules all slots share, and how many image modules; None where each place has its own.
        structure: the true one, where some of it is known.
        known_inputs, known_outputs, known_locations: what is.
    """

    shape: tuple[int, ...]
    tasks: int
    layers: Sequence[int]
    top_k: int
    hidden: Sequence[int]
    n_out: int
    outputs_from: str = "last"
    image_module: str = "cnn"
    image_sizes: Sequence[int] = ()
    image_outputs: int = 0
    shared: tuple[int, int] | None = None
    structure: Structure | None = None
    known_inputs: bool = False
    known_outputs: bool = False
    known_locations: bool = False

    @property
    def images(self) -> int:
        """Images of an input, each of which has a module; 0 for vectors."""
        return self.shape[0] if len(self.shape) == 3 else 0


class ModularNetwork(StructuredNetwork):
    """See `Plan`; one replica for each seed."""

    rest = "modules"

    def __init__(self, seeds: Sequence[int], plan: Plan) -> None:
        super().__init__()
        self.plan, draws = plan, generators(seeds)
        self.banks, self.locations, self.inputs = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        n, sizes = plan.shape[0], []
        if plan.images:
            known = self._known_inputs(0)
            channels = known_choice([channel for (channel,) in known], n) if known else None
            self.inputs["images"] = Logits(draws, "inputs images", (plan.tasks, n, plan.images), channels)
            self._add(draws, "images", plan.images, 0, 1)
            n = plan.images * plan.image_outputs
        for i, places in enumerate(plan.layers):
            layer, k = i + bool(plan.images), min(plan.top_k, n)
            known = self._known_inputs(layer)
            logits = known_inputs(known, n) if known else None
            self.inputs[str(i)] = Logits(draws, f"inputs {i}", (plan.tasks, n, places), logits)
            self._add(draws, str(i), places, layer, k)
            sizes.append(n := places)
        n = sum(sizes) if plan.outputs_from == "all" else n
        outputs = known_inputs([plan.structure.outputs], n) if plan.structure and plan.known_outputs else None
        self.inputs["outputs"] = Logits(draws, "inputs outputs", (plan.tasks, n, 1), outputs)

    def inputs_seen(self, name: str) -> int:
        """How many inputs each module of a layer takes: `images`, `0`, `1`, ...; `outputs` for the network's."""
        logits = self.inputs[name]
        assert isinstance(logits, Logits)
        most = {"images": 1, "outputs": self.plan.n_out}.get(name, self.plan.top_k)
        return min(most, logits.values.shape[-2])

    def _known_inputs(self, layer: int) -> Sequence[tuple[int, ...]] | None:
        return self.plan.structure.inputs[layer] if self.plan.structure and self.plan.known_inputs else None

    def _add(self, draws: list[torch.Generator], name: str, places: int, layer: int, k: int) -> None:
        """The modules of a layer, of which each sees k inputs: their own, or a choice among shared ones."""
        plan = self.plan
        if plan.shared is None:
            self.banks[name] = self._make(draws, name, places, k)
            return
        bank, n = ("images", plan.shared[1]) if name == "images" else ("vectors", plan.shared[0])
        if bank not in self.banks:
            self.banks[bank] = self._make(draws, name, n, k)
        known = None
        if plan.structure and plan.known_locations:
            known = known_choice(plan.structure.functions[layer], n)
        self.locations[name] = Logits(draws, f"locations {name}", (plan.tasks, n, places), known)

    def _make(self, draws: list[torch.Generator], name: str, modules: int, k: int) -> nn.Module:
        plan = self.plan
        if name != "images":
            return Mlps(draws, modules, [k, *plan.hidden, 1])
        size = plan.shape[-1]
        if plan.image_module == "mlp":
            return Mlps(draws, modules, [size**2, *plan.image_sizes, plan.image_outputs])
        return Cnns(draws, modules, size, [1, *plan.image_sizes], [plan.image_outputs])

    def forward(self, x: Tensor, task: Tensor | None = None, sampling: Sampling | None = None) -> Tensor:
        """See `StructuredNetwork`."""
        plan, how = self.plan, (task, x.shape[1], sampling)
        if plan.images:
            chosen = choose_one(self.inputs["images"](*how))[..., None, None]  # (R, 1 or B, images, modules, 1, 1)
            x = (x[:, :, :, None] * chosen).sum(2).transpose(1, 2)  # (R, modules, B, H, W)
            x = x.unsqueeze(3) if plan.image_module == "cnn" else x.flatten(3)
            x = self._outputs_of("images", x, *how).transpose(1, 2).flatten(2)
        outputs = []
        for i in range(len(plan.layers)):
            seen = select(x, choose_inputs(self.inputs[str(i)](*how), self.inputs_seen(str(i))))
            x = self._outputs_of(str(i), seen, *how)[..., 0].transpose(1, 2)
            outputs.append(x)
        if plan.outputs_from == "all":
            x = torch.cat(outputs, -1)
        return select(x, choose_inputs(self.inputs["outputs"](*how), plan.n_out))[:, 0]

    def _outputs_of(self, name: str, seen: Tensor, *how: object) -> Tensor:
        """What the modules of a layer make of what they see: (R, places, B, ...) -> (R, places, B, outputs).

        Of shared ones all are applied in all slots, for the gradients of the choice.
        """
        if name not in self.locations:
            return self.banks[name](seen)
        slots, batch = seen.shape[1:3]
        chosen = choose_one(self.locations[name](*how))  # (R, 1 or B, modules, slots)
        every = seen.flatten(1, 2)[:, None].expand(-1, chosen.shape[2], *(-1,) * (seen.ndim - 2))
        outputs = self.banks["images" if name == "images" else "vectors"](every).unflatten(2, (slots, batch))
        return (outputs * chosen.permute(0, 2, 3, 1)[..., None]).sum(1)
