"""Finished runs in one Parquet file, a row for each of their files, and back: reports read it as if it were folders.

Columns: run (<dataset>/<method>-<model>/seed<k>-<hash>), file (its name there), content (its bytes). So no file of a
run is lost, its configuration least of all, and any program that reads Parquet can get at them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from importlib import import_module
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from modrobust.errors import UserError
from modrobust.progress import bar
from modrobust.report.say import say
from modrobust.store.files import write_atomically
from modrobust.store.folders import runs_below, status_of

SUFFIX = ".parquet"
LEFT_OUT = ("features",)  # raw activations: as large as the networks' outputs on all images
RUNS_AT_ONCE = 500

Row = tuple[str, str, bytes]


def pack(folders: Iterable[Path], file: Path) -> None:
    """Write the finished runs in or below some folders into a file, and check that all of them are in it.

    Raises:
        UserError: there are none, or there is such a file already; pyarrow is missing; the disk is full.
    """
    parquet = _pyarrow().parquet
    if file.exists():
        raise UserError(f"{file} exists already: archives are not written over.")
    found = {run.resolve() for folder in folders for run, _ in runs_below(folder)}
    done: dict[PurePosixPath, Path] = {}
    for run in sorted(run for run in found if status_of(run).get("state") == "done"):
        if (other := done.setdefault(_name(run), run)) is not run:
            raise UserError(f"{other} and {run} would have the same name in an archive: pack them into two.")
    if not done:
        raise UserError("no run is done here that could be packed.")
    searches = {file.parent for place in {run.parent for run in found} for file in place.glob("search-*/search.json")}
    packed = {**done, **{_name(search): search for search in searches}}  # which tell what is a trial
    digest, size = sha256(), 0

    def write(target: BinaryIO) -> None:
        nonlocal size
        with parquet.ParquetWriter(target, _schema(), compression="zstd") as writer, bar("runs", len(packed)) as shown:
            for rows in _batches(packed, shown):
                writer.write_table(_pyarrow().table(list(zip(*rows, strict=True)), schema=_schema()))
                for row in rows:
                    _add(digest, row)
                    size += len(row[2])

    write_atomically(file, write)
    again = sha256()
    for row in _rows(file):
        _add(again, row)
    if again.digest() != digest.digest():
        file.unlink()
        raise UserError(f"{file} was not written as it should be: its disk may be damaged. The runs are as they were.")
    left = len(found) - len(done)
    say(f"{len(done)} runs of {size / 1e6:,.1f} MB are in {file}, {file.stat().st_size / 1e6:,.1f} MB.")
    if left:
        say(f"{left} runs that are not done are not in it.")


@contextmanager
def as_folders(places: Sequence[Path]) -> Iterator[list[Path]]:
    """The same places, with archives among them unpacked into folders that last as long as the block.

    Raises:
        UserError: an archive is none, or is damaged; pyarrow is missing.
    """
    with ExitStack() as stack:
        found = []
        for place in places:
            if place.suffix == SUFFIX and place.is_file():
                root = Path(stack.enter_context(TemporaryDirectory(prefix="modrobust-")))
                for run, name, content in _rows(place):
                    target = root / run / name
                    if ".." in PurePosixPath(run, name).parts or not target.is_relative_to(root):
                        raise UserError(f"{place} has a file outside of its folder: {run}/{name}.")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)
                found.append(root)
            else:
                found.append(place)
        yield found


def _name(run: Path) -> PurePosixPath:
    """<dataset>/<method>-<model>/<run>, wherever that is."""
    return PurePosixPath(*run.parts[-3:])


def _batches(runs: dict[PurePosixPath, Path], shown: Any) -> Iterator[list[Row]]:
    """The files of some runs at a time, like files beside each other, which makes them small."""
    names = sorted(runs)
    for start in range(0, len(names), RUNS_AT_ONCE):
        some = names[start : start + RUNS_AT_ONCE]
        rows = [(str(run), name, content) for run in some for name, content in _files(runs[run])]
        shown.advance(len(some))
        yield sorted(rows, key=lambda row: (row[1], row[0]))


def _files(run: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(run.rglob("*")):
        name = file.relative_to(run)
        hidden = any(part.startswith(".") or part in LEFT_OUT for part in name.parts)
        if file.is_file() and not hidden:
            yield name.as_posix(), file.read_bytes()


def _rows(file: Path) -> Iterator[Row]:
    """Of an archive, in its order."""
    pyarrow = _pyarrow()
    try:
        archive = pyarrow.parquet.ParquetFile(file)
        if archive.schema_arrow.names != _schema().names:
            raise UserError(f"{file} is no archive of runs: its columns are {', '.join(archive.schema_arrow.names)}.")
        for batch in archive.iter_batches(batch_size=1000):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error


def _add(digest: Any, row: Row) -> None:
    for part in (row[0].encode(), row[1].encode(), row[2]):
        digest.update(len(part).to_bytes(8, "big") + part)


def _schema() -> Any:
    pyarrow = _pyarrow()
    return pyarrow.schema([("run", pyarrow.string()), ("file", pyarrow.string()), ("content", pyarrow.binary())])


def _pyarrow() -> Any:
    try:
        import_module("pyarrow.parquet")
        return import_module("pyarrow")
    except ImportError as error:
        raise UserError("archives need pyarrow: pip install 'modrobust[archive]'.") from error
