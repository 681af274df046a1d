"""The rows of results.csv of many runs, as one table, checked. A file that cannot be trusted is named, not read."""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import pandas as pd
from numpy.lib import format as npy

from modrobust.report.read.spreadsheet import COLUMNS, REAL, TEXT, WHOLE, Damaged, rewritten

TYPES = {**dict.fromkeys(TEXT, "category"), **dict.fromkeys(WHOLE, "int64"), **dict.fromkeys(REAL, "float64")}
_KINDS = {
    **dict.fromkeys(TEXT, rb"[^,\"\r\n\0]+"),
    **dict.fromkeys(WHOLE, rb"\d+"),
    **{"loss": rb"(?:[-+.\de]+|inf)?", "accuracy": rb"[-+.\de]+"},
}
"""What needs no second look. Pandas would take 3.8E+07 and 1.000, which a spreadsheet made, for whole numbers."""
OF_A_RUN = ("dataset", "method", "model")
"""Columns of which a run has one value."""
OF_COMPOSITIONS = ("seed", "split", "n_images")
"""And if it was tested on compositions."""

Row = Mapping[Hashable, Any]


def read(runs: Sequence[Path]) -> tuple[pd.DataFrame, dict[Path, str]]:
    """Everything that some runs found, read at once: 2,000 runs take about a second.

    Columns may come in any order, and there may be more of them. What a spreadsheet made of a file is read where its
    numbers are certain (see `spreadsheet.rewritten`).

    Args:
        runs: run folders, each with a results.csv.

    Returns:
        A row for each run, variant and composition: the columns of results.csv (seed, n_corruptions, n_images int64,
        loss and accuracy (percent) float64, the others categories of text, sorted: rows are taken and grouped in half
        of the time) and run, the folder as such a category. And for each run whose file is damaged a line that tells
        it.
    """
    with ThreadPoolExecutor(16) as pool:  # a network's file system answers slowly but in parallel
        contents = list(pool.map(_content, runs))
        tested = dict(zip(map(str, runs), pool.map(_tested, runs), strict=True))
    unread: dict[str, str] = {}
    by_header: dict[bytes, list[tuple[str, bytes]]] = defaultdict(list)
    for run, content in zip(map(str, runs), contents, strict=True):
        try:
            header, rows = _parts(content)
            by_header[header].append((run, rows))
        except Damaged as damage:
            unread[run] = str(damage)
    tables = [table for header, files in by_header.items() for table in _tables(header, files, unread)]
    table = pd.concat(tables, ignore_index=True) if tables else _no_rows()
    table = table.astype(dict.fromkeys(["run", *TEXT], "category"))  # tables of different names have made texts of them
    if len(by_header) > 1:  # in the order of the runs again
        place = {str(run): i for i, run in enumerate(runs)}
        table = table.iloc[np.argsort(table["run"].map(place).to_numpy(), kind="stable")].reset_index(drop=True)
    unread |= _not_so(table, tested)
    table = table[~table["run"].isin(list(unread))].reset_index(drop=True) if unread else table
    lines = {run: unread[str(run)] for run in runs if str(run) in unread}
    return table, {run: f"{run / 'results.csv'} cannot be read: {reason}" for run, reason in lines.items()}


def _content(run: Path) -> bytes | OSError:
    try:
        return (run / "results.csv").read_bytes()
    except OSError as error:
        return error


def _tested(run: Path) -> int | None:
    """How many rows a variant of a run has, as predictions.npz tells it; None where that is not known."""
    try:
        with ZipFile(run / "predictions.npz") as file:
            names = file.namelist()
            splits = sum(name.endswith("/logits.npy") for name in names)  # of bits; each has rows of every seed
            counted, times = ("seeds.npy", splits) if splits else ("compositions.npy", 1)
            with file.open(counted) as array:
                read_header = {1: npy.read_array_header_1_0, 2: npy.read_array_header_2_0}[npy.read_magic(array)[0]]
                return int(read_header(array)[0][0]) * times
    except (OSError, ValueError, KeyError, BadZipFile):
        return None


def _parts(content: bytes | OSError) -> tuple[bytes, bytes]:
    """The header and the rows of a file, to be parsed; raises Damaged. What is plain is taken as it is."""
    if isinstance(content, OSError):
        raise Damaged(str(content.strerror))
    header, _, rows = content.partition(b"\n")
    plain = _plain(header)
    if plain is None or plain.fullmatch(rows) is None:
        header, _, rows = rewritten(content).partition(b"\n")
    return header, rows


@cache
def _plain(header: bytes) -> re.Pattern[bytes] | None:
    """How rows look that this program has written, in columns of this order, perhaps more; None without columns."""
    names = header.decode("latin-1").split(",")
    if any(names.count(name) != 1 for name in COLUMNS):
        return None
    return re.compile(b"(?:" + b",".join(_KINDS.get(name, rb"[^,\"\r\n\0]*") for name in names) + b"\n)+")


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame(
        {**{name: pd.Series(dtype=kind) for name, kind in TYPES.items()}, "run": pd.Series(dtype="category")}
    )


def _tables(header: bytes, files: Sequence[tuple[str, bytes]], unread: dict[str, str]) -> list[pd.DataFrame]:
    """Files parsed together, for one call for each would take most of the time; what cannot be is put into `unread`."""
    text = BytesIO(b"\n".join([header, b"".join(rows for _, rows in files)]))
    try:
        table = pd.read_csv(text, dtype=TYPES, na_values=[""], keep_default_na=False, index_col=False, low_memory=False)
    except (ValueError, OverflowError):
        if middle := len(files) // 2:  # which one?
            return [*_tables(header, files[:middle], unread), *_tables(header, files[middle:], unread)]
        unread[files[0][0]] = _reason(header + b"\n" + files[0][1])
        return []
    runs = pd.Categorical([run for run, _ in files])
    return [table[list(TYPES)].assign(run=runs.repeat([rows.count(b"\n") for _, rows in files]))]


def _reason(content: bytes) -> str:
    """Why a file cannot be parsed."""
    try:
        rewritten(content)
    except Damaged as damage:
        return str(damage)
    return "a whole number is too large"


def _not_so(table: pd.DataFrame, tested: Mapping[str, int | None]) -> dict[str, str]:
    """The runs whose rows contradict themselves, or what was tested, and how."""
    factors = {name: pd.factorize(table[name]) for name in ("run", *TEXT)}
    codes = pd.DataFrame({name: code for name, (code, _) in factors.items()})  # numbers are compared faster; -1: none
    codes = codes.assign(**{name: table[name] for name in (*WHOLE, *REAL)})
    parts = np.array([0 if name == "Identity" else str(name).count("-") + 1 for name in factors["composition"][1]], int)
    here = codes["run"] == codes["run"].shift()
    composed = here & codes["run"].isin(codes.loc[codes["n_corruptions"] > 0, "run"].unique())
    other = codes != codes.shift()
    twice = codes.duplicated(["run", "variant", "seed", "split", "composition"])
    checks: list[tuple[Any, Callable[[Row], str]]] = [
        *((codes[name] < 0, lambda row, name=name: f"a row has no {name}") for name in TEXT),
        (~codes["accuracy"].between(0, 100 + 1e-9), lambda row: f"{_of(row)} has the accuracy {row['accuracy']:g} %"),
        (codes["loss"] < 0, lambda row: f"{_of(row)} has the loss {row['loss']:g}, which is never below 0"),
        (codes["n_images"] < 1, lambda row: f"{_of(row)} has {row['n_images']} images"),
        (
            np.append(parts, 0)[codes["composition"]] != codes["n_corruptions"],
            lambda row: f"{_of(row)} has n_corruptions {row['n_corruptions']}",
        ),
        *(
            (where & other[name], lambda row, name=name: f"its rows differ in {name}")
            for where, names in ((here, OF_A_RUN), (composed, OF_COMPOSITIONS))
            for name in names
        ),
        (twice, lambda row: f"{_of(row)} is there twice"),
    ]
    found: dict[str, str] = {}
    for wrong, words in checks:
        for row in table[wrong].drop_duplicates("run").to_dict("records"):
            found.setdefault(str(row["run"]), words(row))
    sizes = codes.groupby(["run", "variant"], sort=False).size().reset_index()
    for of_run, of_variant, count in sizes.itertuples(index=False):
        run, variant = factors["run"][1][of_run], factors["variant"][1][of_variant]
        if (expected := tested.get(run)) is not None and count != expected:
            found.setdefault(run, f"it has {count} rows of the variant {variant}, but predictions.npz is of {expected}")
    return found


def _of(row: Row) -> str:
    return f"{row['composition']} ({row['split']}, seed {row['seed']}, variant {row['variant']})"
