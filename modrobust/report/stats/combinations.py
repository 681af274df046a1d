"""Compositions in the order of figures: by length, then by combination, the orders of one beside each other."""

from collections.abc import Iterable

from modrobust.corruption.composition import IDENTITY, parse

ABBREVIATIONS = {
    **{IDENTITY: "ID", "Contrast": "CO", "GaussianBlur": "GB", "ImpulseNoise": "IM", "Invert": "IN"},
    **{"Rotate90": "R90", "Swirl": "SW"},
}
"""Those of the paper (arXiv 2306.09005); other corruptions keep their names."""


def abbreviate(composition: str) -> str:
    """``Contrast-Swirl`` -> ``CO-SW``."""
    return "-".join(ABBREVIATIONS.get(name, name) for name in composition.split("-"))


def meaning(compositions: Iterable[str]) -> str:
    """What the abbreviations used in some compositions mean: ``CO Contrast, SW Swirl``."""
    used = {name for composition in compositions for name in composition.split("-")}
    return ", ".join(f"{short} {name}" for name, short in ABBREVIATIONS.items() if name in used)


def by_length(compositions: Iterable[str]) -> dict[int, list[list[str]]]:
    """Compositions by number of corruptions (0 for Identity), then by combination.

    Combinations, and the orders of each, are sorted by the places of their corruptions, which are ordered as they come
    alone among the compositions (in base order, so), or at all.

    Returns:
        length -> combinations, each with the names of its orders.
    """
    parsed = {name: parse(name) for name in dict.fromkeys(compositions)}
    alone = [parts[0] for parts in parsed.values() if len(parts) == 1]
    place = {
        name: i for i, name in enumerate(dict.fromkeys([*alone, *(n for parts in parsed.values() for n in parts)]))
    }
    places = {name: [place[part] for part in parts] for name, parts in parsed.items()}
    found: dict[int, dict[tuple[int, ...], list[str]]] = {}
    for name in sorted(parsed, key=lambda name: (len(places[name]), sorted(places[name]), places[name])):
        found.setdefault(len(places[name]), {}).setdefault(tuple(sorted(places[name])), []).append(name)
    return {length: list(combinations.values()) for length, combinations in found.items()}
