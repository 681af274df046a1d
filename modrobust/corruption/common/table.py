"""Which row of which severity table holds for images of a size, and how lengths in it are scaled."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from torch import Tensor

from modrobust.corruption.severity import at_severity
from modrobust.errors import UserError

Row = TypeVar("Row")


def parameters(
    tables: Mapping[int, Sequence[Row]], images: Tensor, severity: int, table: int | None
) -> tuple[Row, float]:
    """The parameters of a severity, and the factor that its lengths are multiplied by.

    Args:
        tables: size in pixels -> parameters of severities 1 to 5.
        images: (B, C, H, W).
        severity: 1 to 5.
        table: a size; None for the one nearer to the shorter side by ratio.

    Raises:
        UserError: there is no such severity or table.
    """
    side = min(images.shape[-2:])
    if table is None:
        table = min(tables, key=lambda size: max(size / side, side / size))
    if table not in tables:
        raise UserError(f"table is {table!r}: allowed are {' and '.join(map(str, sorted(tables)))}, or null.")
    return at_severity(tables[table], severity), side / table
