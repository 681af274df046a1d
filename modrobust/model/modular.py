"""Modular networks as they are configured: sizes and knowledge, checked against the data and each other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modrobust.dataset.structure import StructuredDataset
from modrobust.errors import UserError
from modrobust.model.modular_network import ModularNetwork, Plan
from modrobust.model.structured import Architecture, shape_of


@dataclass(frozen=True, kw_only=True)
class Modular(Architecture):
    """Layers of modules, each place with a module of its own.

    Attributes:
        num_modules: modules of each layer (image modules not counted); None for those of the structure, and where
            there is none [6, 4] for several tasks, [3, 2] for one.
        hidden: units of the hidden layers of a module.
        top_k: inputs of a module.
        known_inputs: whether the modules' inputs are given, and with them the selection of the outputs.
        known_outputs: whether that selection is given; None: as the inputs.
        outputs_from: where the network's outputs are selected: `last` layer, or `all` layers together.
        image_module: for inputs that are images: `mlp` or `cnn`.
        image_hidden: units of the hidden layers of an mlp image module.
        image_channels: of the convolutions of a cnn image module.
        image_outputs: outputs of an image module.
    """

    num_modules: Sequence[int] | None
    hidden: Sequence[int]
    top_k: int
    known_inputs: bool
    known_outputs: bool | None
    outputs_from: str
    image_module: str
    image_hidden: Sequence[int]
    image_channels: Sequence[int]
    image_outputs: int

    def network(self, dataset: StructuredDataset, seeds: Sequence[int]) -> ModularNetwork:
        """See `Architecture`."""
        return ModularNetwork(seeds, self.plan(dataset))

    def plan(self, dataset: StructuredDataset) -> Plan:
        """All sizes for this data. Raises UserError where something does not fit."""
        if self.known_inputs and self.known_outputs is False:
            raise UserError("model.known_outputs=false: known inputs imply known outputs; leave it null.")
        for key, value, allowed in (
            ("outputs_from", self.outputs_from, ("last", "all")),
            ("image_module", self.image_module, ("mlp", "cnn")),
        ):
            if value not in allowed:
                raise UserError(f"model.{key}={value}: allowed are {' and '.join(allowed)}.")
        if self.top_k < 1:
            raise UserError(f"model.top_k={self.top_k}: at least 1 input is needed.")
        shape, n_out = shape_of(dataset)
        known_outputs = self.known_inputs if self.known_outputs is None else self.known_outputs
        plan = Plan(
            shape=shape,
            tasks=dataset.tasks,
            layers=self._layers(dataset, len(shape) == 3),
            top_k=self.top_k,
            hidden=self.hidden,
            n_out=n_out,
            outputs_from=self.outputs_from,
            image_module=self.image_module,
            image_sizes=self.image_hidden if self.image_module == "mlp" else self.image_channels,
            image_outputs=self.image_outputs,
            structure=dataset.structure,
            known_inputs=self.known_inputs,
            known_outputs=known_outputs,
        )
        choices = sum(plan.layers) if self.outputs_from == "all" else plan.layers[-1]
        if choices < n_out:
            raise UserError(f"model.num_modules={plan.layers}: {choices} modules are too few for {n_out} outputs.")
        if known_outputs:
            known = "known_inputs" if self.known_inputs else "known_outputs"
            self._check_known(known, plan, dataset)
            if self.outputs_from == "all":
                raise UserError(f"model.outputs_from=all: with {known}=true outputs come from the last layer.")
        return plan

    def _layers(self, dataset: StructuredDataset, images: bool) -> list[int]:
        if self.num_modules is None:
            if dataset.structure is None:
                return [6, 4] if dataset.tasks > 1 else [3, 2]
            return [len(layer) for layer in dataset.structure.inputs[images:]]
        layers = list(self.num_modules)
        if not layers or any(n < 1 for n in layers):
            raise UserError(f"model.num_modules={layers}: a number of modules, at least 1, is needed for each layer.")
        return layers

    def _check_known(self, key: str, plan: Plan, dataset: StructuredDataset) -> None:
        """Whether the network has the places that the true structure has."""
        structure = dataset.structure
        if structure is None:
            what = "several tasks have several structures" if dataset.tasks > 1 else "a random table has no structure"
            raise UserError(f"model.{key}=true: there is nothing to know of dataset {dataset.name}: {what}.")
        layers = structure.inputs[bool(plan.images) :]
        if (true := [len(layer) for layer in layers]) != list(plan.layers):
            raise UserError(f"model.num_modules={list(plan.layers)}: {key}=true needs those of the structure, {true}.")
        if not self.known_inputs:
            return
        if other := {len(module) for layer in layers for module in layer} - {plan.top_k}:
            raise UserError(f"model.top_k={plan.top_k}: known inputs need that of the structure, {min(other)}.")
        if plan.images and structure.image_outputs != plan.image_outputs:
            raise UserError(
                f"model.image_outputs={plan.image_outputs}: known inputs need those of the structure, "
                f"{structure.image_outputs}."
            )


@dataclass(frozen=True, kw_only=True)
class SharedModular(Modular):
    """Layers of slots, each of which chooses one of a few modules that all slots share.

    Attributes:
        num_shared_modules: None for as many as the structure has functions, and 3 where there is none.
        num_shared_image_modules: the same of image modules; None for 1.
        known_locations: whether it is given which slot has which module.
    """

    num_shared_modules: int | None
    num_shared_image_modules: int | None
    known_locations: bool

    def plan(self, dataset: StructuredDataset) -> Plan:
        """See `Modular`."""
        plan, structure = super().plan(dataset), dataset.structure
        functions = structure.functions[bool(plan.images) :] if structure else ()
        true = 1 + max((number for layer in functions for number in layer), default=2)
        images = structure.functions[0] if structure and plan.images else (0,)
        if self.known_locations:
            self._check_known("known_locations", plan, dataset)
        shared = []
        for key, value, needed in (
            ("num_shared_modules", self.num_shared_modules, true),
            ("num_shared_image_modules", self.num_shared_image_modules, 1 + max(images)),
        ):
            shared.append(needed if value is None else value)
            if shared[-1] < 1:
                raise UserError(f"model.{key}={value}: at least 1 is needed.")
            if self.known_locations and shared[-1] < needed:
                raise UserError(f"model.{key}={value}: known locations need {needed} or more.")
        n = plan.images * plan.image_outputs if plan.images else plan.shape[0]
        if (fewest := min([n, *plan.layers[:-1]])) < plan.top_k:
            raise UserError(
                f"model.top_k={plan.top_k}: a layer has only {fewest} inputs, and shared modules are of one size."
            )
        return replace(plan, shared=(shared[0], shared[1]), known_locations=self.known_locations)
