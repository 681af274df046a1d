"""A network cut into blocks where one tensor carries everything (torch.fx)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from modrobust.errors import UserError, nearest
from modrobust.model.outline import graph_of, name_of, opened, weighs

Cut = tuple[int, fx.Node]
"""A place in a graph's order, after which one tensor is all that is needed, and the node that makes it."""


MODE = "mode"


class Mode(nn.Module):
    """Tells, within a graph, whether it is in training."""

    def forward(self) -> bool:
        """The flag."""
        return self.training


class Block(NamedTuple):
    """What a network does between two levels.

    Attributes:
        name: of its main module, within the network, with _ for a dot.
        module: computes it. It holds the network's own modules under their own names.
        shape: of its input, without the number of images.
    """

    name: str
    module: nn.Module
    shape: tuple[int, ...]


def cut(network: nn.Module, images: Tensor, levels: Sequence[str | int] | None = None) -> list[Block]:
    """Blocks that one after the other compute what the network does; see `outline.opened` for which.

    Normalisation, activations, pooling and dropout between two main modules belong to the first. Where more than one
    tensor is alive between them, or both have a weight in common, they are one block. The last block is the last
    layer alone.

    Args:
        network: takes images and returns logits. Its mode is left as it is.
        images: two of them, as it takes them.
        levels: the blocks whose inputs are levels, by name or number, beside the first and the last; None: all.

    Raises:
        UserError: there is no such level.
        Exception: of any other kind, where it cannot be traced or fails.
    """
    with _mode_kept(network):
        graph = _of_both_modes(network)
        shapes = _Shapes(network, graph, len(images))
        with torch.no_grad():
            shapes.run(images)
    cuts, nodes = _cuts(network, graph, shapes.found), list(graph.nodes)
    main = [i for i, node in enumerate(nodes) if weighs(node, network)] or [0]
    begins = {nodes[main[0]]: (0, nodes[0])}
    for before, after in pairwise(main):
        if between := [one for one in cuts if before <= one[0] < after]:
            begins[nodes[after]] = between[-1]
    named = {
        (name_of(node) if node.op == "call_module" else node.name).replace(".", "_"): begin
        for node, begin in begins.items()
    }
    if levels is not None:
        names = list(named)
        chosen = {0, len(names) - 1, *(_number(level, names) for level in levels)}
        named = {name: begin for i, (name, begin) in enumerate(named.items()) if i in chosen}
    ends = [*list(named.values())[1:], (len(nodes) - 1, nodes[-1])]
    return [
        Block(name, _block(network, nodes, begin, end), shapes.found[begin[1].name])
        for (name, begin), end in zip(named.items(), ends, strict=True)
    ]


def _number(level: str | int, names: list[str]) -> int:
    if isinstance(level, int):
        if level < len(names):
            return level
    elif level.replace(".", "_") in names:
        return names.index(level.replace(".", "_"))
    near = nearest(str(level), names)
    raise UserError(f"model.levels: there is no level {level}: modrobust task=levels lists them.{near}")


@contextmanager
def _mode_kept(network: nn.Module) -> Iterator[None]:
    kept = {module: module.training for module in network.modules()}
    try:
        yield
    finally:
        for module, training in kept.items():
            module.training = training


def _of_both_modes(network: nn.Module) -> fx.Graph:
    """The graph for training and evaluation; where a flag differs between the two, the block looks it up."""
    names = opened(network)
    graph, other = (graph_of(network.train(mode), names) for mode in (True, False))
    if [(a.op, str(a.target)) for a in graph.nodes] != [(b.op, str(b.target)) for b in other.nodes]:
        raise ValueError("it computes something else in training than in evaluation")
    for a, b in zip(list(graph.nodes), other.nodes, strict=True):
        if (str(a.args), str(a.kwargs)) != (str(b.args), str(b.kwargs)):
            with graph.inserting_before(a):
                flag = graph.create_node("call_module", MODE)
            a.args = tuple(_flag(x, y, flag) for x, y in zip(a.args, b.args, strict=True))
            a.kwargs = {key: _flag(x, b.kwargs[key], flag) for key, x in a.kwargs.items()}
    return graph


def _flag(in_training: Any, in_evaluation: Any, flag: fx.Node) -> Any:
    if in_training is True and in_evaluation is False:
        return flag
    if str(in_training) != str(in_evaluation):
        raise ValueError("it computes something else in training than in evaluation")
    return in_training


class _Shapes(fx.Interpreter):
    """Runs a graph, and notes the shapes of what has a row for each of the images."""

    def __init__(self, network: nn.Module, graph: fx.Graph, n: int) -> None:
        super().__init__(_module(network, graph))
        self.n, self.found = n, dict[str, tuple[int, ...]]()

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor) and result.ndim > 1 and len(result) == self.n:
            self.found[n.name] = tuple(result.shape[1:])
        return result


def _cuts(network: nn.Module, graph: fx.Graph, shapes: dict[str, tuple[int, ...]]) -> list[Cut]:
    """Every place after which one tensor alone, a row for each image, is needed of all that follows from the images."""
    nodes = list(graph.nodes)
    place = {node: i for i, node in enumerate(nodes)}
    from_images = _from_images(nodes)
    weights: dict[str, list[int]] = {}  # where each is used
    for i, node in enumerate(nodes):
        if node.op == "call_module" and node.target != MODE:
            for weight in network.get_submodule(name_of(node)).parameters():
                weights.setdefault(str(id(weight)), []).append(i)
        elif node.op == "get_attr":
            weights.setdefault(name_of(node), []).extend(place[user] for user in node.users)
    spans = [(min(used), max(used)) for used in weights.values() if used]
    cuts: list[Cut] = []
    alive: dict[fx.Node, int] = {}  # until where each is needed
    for i, node in enumerate(nodes[:-1]):
        if node in from_images and node.users:
            alive[node] = max(place[user] for user in node.users)
        alive = {one: last for one, last in alive.items() if last > i}
        whole = not any(first <= i < last for first, last in spans)
        if whole and len(alive) == 1 and (carrier := next(iter(alive))).name in shapes:
            cuts.append((i, carrier))
    return cuts


def _from_images(nodes: list[fx.Node]) -> set[fx.Node]:
    """What follows from the images; the rest is the same for all of them."""
    found: set[fx.Node] = set()
    for node in nodes:
        if node.op == "placeholder" or found & set(node.all_input_nodes):
            found.add(node)
    return found


def _block(network: nn.Module, nodes: list[fx.Node], start: Cut, stop: Cut) -> nn.Module:
    """The nodes after one cut, up to another, with what they need that does not follow from the images."""
    graph = fx.Graph()
    made = {start[1]: graph.placeholder("x")}
    from_images = _from_images(nodes)

    def copy(node: fx.Node) -> fx.Node:
        if node not in made:
            inputs = {one: copy(one) for one in node.all_input_nodes}
            made[node] = graph.node_copy(node, inputs.__getitem__)
        return made[node]

    for node in nodes[start[0] + 1 : stop[0] + 1]:
        if node in from_images and node.op != "output":
            copy(node)
    result = nodes[-1].args[0] if stop[1].op == "output" else stop[1]
    assert isinstance(result, fx.Node)
    graph.output(made[result])
    return _module(network, graph)


def _module(network: nn.Module, graph: fx.Graph) -> fx.GraphModule:
    """A graph with the modules that it calls, which keep the names that they have in the network."""
    own, held = fx.Graph(), dict[str, Any]()
    own.output(own.graph_copy(graph, {}))
    for node in own.nodes:
        if node.op in ("call_module", "get_attr"):
            node.target = name = name_of(node)
            held[name] = Mode() if name == MODE else attrgetter(name)(network)
    module = fx.GraphModule(held, own)
    for one in module.modules():
        if isinstance(one, fx.GraphModule | Mode):
            one.training = network.training
    return module
