"""Whether the data of a finished run is still there and the same, told from its record. Imports no torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modrobust.store.stamp import stamp_of

Stamp = Callable[[tuple[str, ...]], str]


def data_changed(
    status: Mapping[str, Any], place: Sequence[str | None], unknown: bool = False, stamp: Stamp = stamp_of
) -> bool:
    """Whether a run's data may be other than it was: a checksum of the data itself tells for sure.

    Args:
        status: of the run; those of earlier versions say nothing of their data.
        place: where the data is now (see `identity.place`).
        unknown: what to answer for a dataset of a user's own that doesn't tell its files.
        stamp: of files; one that remembers, where runs share their data.
    """
    data = status.get("data")
    if not data or data.get("files") == []:
        return False
    if data.get("files") is None:
        return unknown
    if data.get("place") != list(place):
        return True
    try:
        return stamp(tuple(data["files"])) != data.get("stamp")
    except FileNotFoundError:  # gone: nothing that results could be mistaken for
        return False
