"""The rows of results.csv of many runs, as one table."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from modrobust.errors import UserError

TEXT = ("dataset", "method", "variant", "model", "split", "composition")
WHOLE = ("seed", "n_corruptions", "n_images")
REAL = ("loss", "accuracy")
TYPES = {**dict.fromkeys(TEXT, "str"), **dict.fromkeys(WHOLE, "int64"), **dict.fromkeys(REAL, "float64")}


def read(runs: Sequence[Path]) -> pd.DataFrame:
    """Everything that some runs found, read at once: 2,000 runs take about a second.

    Args:
        runs: run folders, each with a results.csv.

    Returns:
        A row for each run, variant and composition: the columns of results.csv (seed, n_corruptions, n_images int64,
        loss and accuracy (percent) float64, the others text) and run, the folder as text.

    Raises:
        UserError: a file is missing, damaged, or lacks a column.
    """
    with ThreadPoolExecutor(16) as pool:  # a network's file system answers slowly but in parallel
        contents = list(pool.map(_content, runs))
    by_header: dict[bytes, list[tuple[Path, bytes]]] = {}
    for run, content in zip(runs, contents, strict=True):
        header, _, rows = content.partition(b"\n")
        by_header.setdefault(header.strip(), []).append((run, rows if rows.endswith(b"\n") else rows + b"\n"))
    return pd.concat([_table(header, files) for header, files in by_header.items()], ignore_index=True)


def _content(run: Path) -> bytes:
    try:
        return (run / "results.csv").read_bytes()
    except OSError as error:
        raise UserError(f"{run / 'results.csv'} cannot be read: {error.strerror}.") from None


def _table(header: bytes, files: Sequence[tuple[Path, bytes]]) -> pd.DataFrame:
    """Files of the same columns; parsed together, for one call for each file would take most of the time."""
    lines = [content.count(b"\n") for _, content in files]
    try:
        text = BytesIO(b"\n".join([header, b"".join(content for _, content in files)]))
        table = pd.read_csv(text, dtype=TYPES, na_values=[""], keep_default_na=False, skip_blank_lines=False)
        return table[list(TYPES)].assign(run=np.repeat([str(run) for run, _ in files], lines).astype(object))
    except (ValueError, KeyError) as error:
        if len(files) > 1:  # which one?
            return pd.concat([_table(header, [file]) for file in files])
        reason = (str(error).strip("'\"").splitlines() or ["it is empty"])[0]
        raise UserError(f"{files[0][0] / 'results.csv'} cannot be read: {reason}") from None
