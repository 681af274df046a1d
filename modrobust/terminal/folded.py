"""Tables in a terminal: where one is too wide, its columns go on below; nothing is cut."""

from collections.abc import Collection, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

EDGES = 3  # cells beside each column: a rule and a space on both sides
UNLIMITED = 10_000  # files and pipes


def console() -> Console:
    """Standard output, where nothing is cut: long lines are left to the terminal."""
    found = Console(soft_wrap=True, highlight=False)
    return found if found.is_terminal else Console(soft_wrap=True, highlight=False, width=UNLIMITED)


def print_table(
    title: str, header: Sequence[str], lines: Sequence[Sequence[str]], left: Collection[int] = (0,)
) -> None:
    """Print a table; its first column stands in every part.

    Args:
        title: a line above.
        header, lines: cells.
        left: columns that are text; numbers are aligned at their right.
    """
    out = console()
    out.print(title, markup=False, style="italic")
    widths = [max(cell_len(cell) for cell in column) + EDGES for column in zip(header, *lines, strict=True)]
    for columns in parts(widths, out.width - 1):
        table = Table()
        for i in columns:
            table.add_column(header[i], justify="left" if i in left else "right", overflow="fold")
        for line in lines:
            table.add_row(*(line[i] for i in columns))
        out.print(table)


def parts(widths: Sequence[int], room: int) -> list[list[int]]:
    """The columns of each part: as many as fit, at least one, beside the first."""
    found: list[list[int]] = [[0]]
    for i, width in enumerate(widths[1:], 1):
        if len(found[-1]) > 1 and sum(widths[j] for j in found[-1]) + width > room:
            found.append([0])
        found[-1].append(i)
    return found
