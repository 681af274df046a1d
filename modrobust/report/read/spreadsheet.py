"""A results.csv that another program wrote: put right where its numbers are certain, else refused in words."""

import csv
import io
import re
from collections.abc import Iterator, Sequence

TEXT = ("dataset", "method", "variant", "model", "split", "composition")
WHOLE = ("seed", "n_corruptions", "n_images")
REAL = ("loss", "accuracy")
COLUMNS = (*TEXT[:4], "seed", *TEXT[4:], "n_corruptions", "n_images", *REAL)
"""In the order in which they are written."""
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?inf")
ZEROS = "it holds zero bytes, as a disk leaves them that was full or lost its power"


class Damaged(Exception):
    """A file that is not to be trusted, and why: the end of a sentence."""


def rewritten(content: bytes) -> bytes:
    """The same table as this program writes it.

    Put right are: a byte-order mark, UTF-16, other separators (semicolon, tab) and with these decimal commas, quotes,
    empty lines and columns, whole numbers with a `.0`. Not put right is what may be another number by now: a last line
    without its end, whole numbers as 3.8E+07, commas that may stand for thousands.

    Args:
        content: what the file holds.

    Returns:
        The columns COLUMNS, separated by commas.

    Raises:
        Damaged: the file is not certain.
    """
    lines = _text(content)
    separator = _separator(lines)
    header, rows = _fields(lines, separator)
    if twice := [name for name in COLUMNS if header.count(name) > 1]:
        raise Damaged(f"it has the column {twice[0]} twice")
    if missing := [name for name in COLUMNS if name not in header]:
        raise Damaged(f"it has no column {', '.join(missing)}")
    if not rows:
        raise Damaged("it has no rows")
    place = {name: header.index(name) for name in COLUMNS}
    commas = separator != "," and not any("." in row[place[name]] for _, row in rows for name in REAL)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_value(name, row[place[name]], number, commas) for name in COLUMNS] for number, row in rows)
    return text.getvalue().encode()


def _text(content: bytes) -> list[str]:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # a spreadsheet's "Unicode text"
    if b"\0" in content and not wide:
        raise Damaged(ZEROS)
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise Damaged("it is no text in UTF-8") from None
    if not text.strip():
        raise Damaged("it is empty")
    if not text.endswith(("\n", "\r")):
        raise Damaged("its last line has no end, so it may have been cut within a number")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[1:] if lines[0].startswith("sep=") else lines  # Excel's way to tell the separator


def _separator(lines: Sequence[str]) -> str:
    """The one by which the first line names most of the columns."""
    first = next(line for line in lines if line.strip())
    return max(",;\t", key=lambda mark: len({name.strip('" ') for name in first.split(mark)} & set(COLUMNS)))


def _fields(lines: Sequence[str], separator: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and each row with the number of its line; as many fields as the header has, without outer spaces."""
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=separator, strict=True)
    try:
        every = [(reader.line_num, [field.strip() for field in row]) for row in reader]
    except csv.Error:
        raise Damaged(f"line {reader.line_num}: its quotes do not match") from None
    (_, header), *rows = [(number, row) for number, row in every if any(row)]
    while header and not header[-1]:
        header.pop()
    return header, list(_whole(rows, len(header)))


def _whole(rows: Sequence[tuple[int, list[str]]], width: int) -> Iterator[tuple[int, list[str]]]:
    for number, row in rows:
        if len(row) < width or any(row[width:]):
            raise Damaged(f"line {number} has {len(row)} values for {width} columns")
        yield number, row


def _value(name: str, value: str, line: int, commas: bool) -> str:
    if name in TEXT:
        if "\n" in value:
            raise Damaged(f"line {line}: {name} is broken over lines")
        return value
    if name in WHOLE:
        if re.fullmatch(r"\d+(\.0)?", value) is None:
            raise Damaged(f"line {line}: {name} is {value!r}, no whole number")
        return value.removesuffix(".0")
    number = value.replace(",", ".") if commas else value
    if name == "loss" and value.lower() in ("", "nan"):
        return ""
    if NUMBER.fullmatch(number) is None:
        raise Damaged(f"line {line}: {name} is {value!r}, no number")
    return number
