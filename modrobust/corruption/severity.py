"""Severities 1 to 5: the strength of a corruption, looked up in its table."""

from collections.abc import Sequence
from typing import TypeVar

from modrobust.errors import UserError

Entry = TypeVar("Entry")


def at_severity(table: Sequence[Entry], severity: int) -> Entry:
    """The entry of a table for a severity counted from 1.

    Raises:
        UserError: the table has no such severity.
    """
    if severity not in range(1, len(table) + 1):
        raise UserError(f"severity is {severity!r}: allowed are the whole numbers 1 to {len(table)}.")
    return table[severity - 1]
