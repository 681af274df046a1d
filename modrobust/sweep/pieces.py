"""What a run trains, piece by piece, told from its configuration alone: no data is read, no torch imported.

A piece is described by what makes a run's configuration one that trains the piece, and what it builds on, and nothing
else. Two pieces are the same where these configurations agree in all that trained parts depend on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modrobust.config.identity import fingerprint, of_every_part


@dataclass(frozen=True)
class Piece:
    """Something that a run trains.

    Attributes:
        name: for people, such as backbone or module-Contrast.
        key: two pieces with the same key are trained alike.
        corruptions: the elemental ones that a run must have to train this piece alone.
        method: the method's configuration to do so.
        after: names of the pieces of the same run that it builds on.
        rest: whether it is all that the run trains beside other pieces; it has the method's name.
    """

    name: str
    key: str
    corruptions: tuple[str, ...]
    method: Mapping[str, Any] = field(repr=False)
    after: tuple[str, ...] = ()
    rest: bool = False


Draft = tuple[str, Sequence[str], Mapping[str, Any], tuple[str, ...]]
"""Name (empty for the rest), corruptions, method and `after` of a piece."""


def pieces(identity: Mapping[str, Any]) -> tuple[Piece, ...]:
    """What a run trains, in order.

    Args:
        identity: of the run (see `modrobust.config.identity`).
    """
    corruption, method = identity["corruption"], identity["method"]
    others = {key: value for key, value in corruption.items() if key not in ("names", "elemental", "compositions")}
    common = {**of_every_part(identity), "replicas": identity["replicas"], "corruption": others}
    stands_for = fingerprint(common)
    found = []
    for name, names, settings, after in _OF_TARGET.get(method["_target_"], _one_piece)(method, corruption["names"]):
        elemental = {key: value for key, value in corruption["elemental"].items() if key in names or not name}
        trained = {key: value for key, value in settings.items() if key != "name"}
        key = fingerprint([stands_for, list(names), elemental, trained])
        found.append(Piece(name or method["name"], key, tuple(names), settings, after, rest=not name))
    return tuple(found)


def _one_piece(method: Mapping[str, Any], names: Sequence[str]) -> Iterator[Draft]:
    """A method whose parts can't be trained one by one, or of which nothing is known."""
    yield "", names, method, ()


def _modules(method: Mapping[str, Any], names: Sequence[str]) -> Iterator[Draft]:
    yield "backbone", (), _classifier(method.get("backbone_lr")), ()
    told = _told(method)
    for name in names:
        level = method.get("level")
        own = {name: level[name]} if isinstance(level, Mapping) and name in level else level
        yield f"module-{name}", (name,), {**told, "level": own}, ("backbone",)
    if "routing" in method:  # the router, which needs all corruptions
        yield "", names, method, ("backbone", *(f"module-{name}" for name in names))


def _img_space(method: Mapping[str, Any], names: Sequence[str]) -> Iterator[Draft]:
    for name in names:  # to which the classifiers' learning rate is nothing
        yield f"autoencoder-{name}", (name,), {**_told(method), "classifiers": False, "lr": 0}, ()
    if method.get("classifiers"):
        yield "classifier", (), _classifier(method.get("lr")), ()
        yield "", names, method, ("classifier", *(f"autoencoder-{name}" for name in names))


def _told(method: Mapping[str, Any]) -> dict[str, Any]:
    """The same without a router (see `identity`)."""
    return {key: value for key, value in method.items() if key not in ("routing", "router")}


def _adapted(method: Mapping[str, Any], names: Sequence[str]) -> Iterator[Draft]:
    yield "classifier", names, _classifier(method.get("lr")), ()


def _classifier(lr: Any) -> dict[str, Any]:
    """The method that trains what `train_classifier` makes: of clean images, where there is no corruption."""
    target = "modrobust.method.cross_entropy.CrossEntropy"
    return {"_target_": target, "name": "cross_entropy", "lr": lr, "pairing": False}


_OF_TARGET: Mapping[str, Callable[[Mapping[str, Any], Sequence[str]], Iterator[Draft]]] = {
    "modrobust.method.modules.Modules": _modules,
    "modrobust.method.img_space.ImgSpace": _img_space,
    "modrobust.method.bn_adapt.BatchNormAdaptation": _adapted,
    "modrobust.method.tent.Tent": _adapted,
}
