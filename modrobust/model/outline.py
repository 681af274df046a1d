"""How far a network is opened, so that its blocks are those that a person would name: the rule is in `opened`."""

import sys
from collections import Counter

from torch import fx, nn
from torch.nn import functional

ROOT = "net"
"""The network's name within `Whole`, before which everything in a graph is below it."""


class Whole(nn.Module):
    """A network that is called with one argument, whatever else its forward could take."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: object) -> object:
        """What the network makes of x."""
        return self.net(x)


class _Outline(fx.Tracer):
    """Traces only the modules that are named; all others are called as they are."""

    def __init__(self, names: set[str]) -> None:
        timm = sys.modules.get("timm.models")  # which knows what of its own cannot be traced
        super().__init__(autowrap_functions=tuple(timm.get_notrace_functions()) if timm else ())
        self.names = {ROOT, *(f"{ROOT}.{name}" for name in names)}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name not in self.names


def graph_of(network: nn.Module, opened: set[str] | None = None) -> fx.Graph:
    """A network's graph, in its present mode; modules are called, but those opened are traced, too.

    Raises:
        Exception: of any kind, where what is traced depends on more than the shapes of its input.
    """
    return _Outline(opened or set()).trace(Whole(network))


def name_of(node: fx.Node) -> str:
    """The name of the module that a node calls, or of the attribute that it reads, within the network."""
    return str(node.target).removeprefix(f"{ROOT}.")


def weighs(node: fx.Node, network: nn.Module) -> bool:
    """Whether a node does the work that a block is named for: it has a matrix or kernel, not just scales and biases."""
    if node.op == "call_module" and node.all_input_nodes:
        return any(weight.ndim > 1 for weight in network.get_submodule(name_of(node)).parameters())
    return node.op == "call_function" and node.target in (functional.linear, functional.conv2d)


def opened(network: nn.Module) -> set[str]:
    """The modules whose insides are blocks.

    An `nn.Sequential` is opened where it holds two blocks or more; another module where it applies one thing after
    the other and holds two or more branching blocks of one class, as a stage or an encoder does. So a residual,
    dense, inception or transformer block stays whole, also where one of its kind has no shortcut. The end is opened
    until the last layer, the classifier proper, stands alone.
    """
    names: set[str] = set()
    for name in _children(network, graph_of(network)):
        _open(network.get_submodule(name), name, names)
    while (last := _last(network, graph_of(network, names))) is not None:
        names.add(last)
    return names


def _children(network: nn.Module, graph: fx.Graph) -> list[str]:
    return [name_of(node) for node in graph.nodes if node.op == "call_module" and weighs(node, network)]


def _open(module: nn.Module, name: str, names: set[str]) -> list[type | None]:
    """The blocks within a module, which is one itself unless it is opened; those opened are added to names.

    Returns:
        For each block its class where it branches, else None.
    """
    graph = _chain(module)
    if graph is None:
        return [type(module) if any(module.children()) else None]
    below: set[str] = set()
    found = [
        block
        for child in _children(module, graph)
        for block in _open(module.get_submodule(child), f"{name}.{child}", below)
    ]
    branching = Counter(block for block in found if block is not None)
    if (len(found) if isinstance(module, nn.Sequential) else max(branching.values(), default=0)) < 2:
        return [None]
    names |= {name, *below}
    return found


def _chain(module: nn.Module) -> fx.Graph | None:
    """A module's graph, where it has children, applies one thing after the other, and nothing else; else None."""
    if not any(module.children()) or (not isinstance(module, nn.Sequential) and _of_torch(module)):
        return None
    try:
        graph = graph_of(module)
    except Exception:  # of any kind: it is code of others
        return None
    output = next(iter(reversed(graph.nodes)))
    used: set[fx.Node] = set()  # what the output is made of: shapes that are only checked are not
    waiting = [output]
    while waiting:
        node = waiting.pop()
        if node not in used:
            used.add(node)
            waiting += node.all_input_nodes
    constant = {node for node in used if node.op == "get_attr"}
    straight = all(sum(user in used for user in node.users) == 1 for node in used - constant - {output})
    return graph if straight else None


def _of_torch(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.nn.")


def _last(network: nn.Module, graph: fx.Graph) -> str | None:
    """The module that has the last layer among others, and can be opened."""
    children = _children(network, graph)
    return children[-1] if children and _chain(network.get_submodule(children[-1])) is not None else None
