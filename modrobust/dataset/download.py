"""Where a dataset's files are, and how they get there: found in `paths.data` or downloaded once."""

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from modrobust.errors import UserError
from modrobust.store.lock import Lock

DEFAULT_ROOT = Path("data")
TIMEOUT_SECONDS = 10.0
SHOWN = 8


def data_folder(root: Path) -> Path:
    """The folder `paths.data`.

    Raises:
        UserError: it is not a folder.
    """
    if not root.is_dir():
        problem = "is not a folder" if root.exists() else "does not exist"
        raise UserError(
            f"paths.data is {root.resolve()}, which {problem}: create it, or set paths.data=FOLDER"
            " or MODROBUST_DATA to the folder that holds the datasets"
        )
    return root


def data_files(
    root: Path,
    folder: str,
    names: Sequence[str],
    download: Callable[[Path], object],
    forms: Callable[[str], Iterable[str]] = lambda name: (name,),
) -> list[Path]:
    """The files of a dataset; those that are missing are downloaded, by one run of several at a time.

    A download is complete before any of it appears under `root`; when it fails nothing is left behind.
    A `root` that doesn't exist is created by a download only if it is ./data, since another one is
    more likely mistyped.

    Args:
        root: the folder `paths.data`.
        folder: where the files are, relative to `root`.
        names: what they are called.
        download: puts files of those names into `folder` relative to the path that it is called with.
        forms: what a name may look like on disk, relative to `folder`, most preferred first; advice names the first
            two.

    Returns:
        The path of every name.

    Raises:
        UserError: files are missing and can't be downloaded, or `root` doesn't exist.
    """
    place = root / folder

    def find(name: str) -> Path | None:
        paths = (Path(os.path.normpath(place / form)) for form in forms(name))  # `place` need not be there for ../
        return next((path for path in paths if path.is_file()), None)

    def missing() -> list[str]:
        return [name for name in names if find(name) is None]

    if missing():
        if root.resolve() != DEFAULT_ROOT.resolve() or root.exists():
            data_folder(root)
        home = root if root.is_dir() else root.parent
        lock = home / f".{folder.replace('/', '-')}.lock"
        try:
            with Lock(lock):
                if wanted := missing():  # another run may have brought them while this one waited
                    with TemporaryDirectory(dir=home, prefix=".download-") as staging, short_timeout():
                        download(Path(staging))
                        place.mkdir(parents=True, exist_ok=True)
                        for name in wanted:
                            (Path(staging) / folder / name).replace(place / name)
        except Exception as error:  # whatever goes wrong in a download, the remedy is the same
            reason = " ".join(str(error).split())[:200]
            variants = " or ".join(islice(forms("NAME"), 2))
            raise UserError(
                f"{', '.join(missing())} not found in {place.resolve()}{_there(place)}, and the download failed"
                f" ({type(error).__name__}: {reason}): put the files there by hand, as {variants},"
                " or run once where there is internet"
            ) from error
        finally:
            lock.unlink(missing_ok=True)
    return [path for name in names if (path := find(name))]


def _there(place: Path) -> str:
    """What is in a folder instead, in short: names may be other than thought."""
    names = sorted(path.name for path in place.iterdir() if not path.name.startswith(".")) if place.is_dir() else []
    more = ", ..." if len(names) > SHOWN else ""
    return f" (which holds {', '.join(names[:SHOWN])}{more})" if names else ""


@contextmanager
def short_timeout() -> Iterator[None]:
    """Sockets give up soon: on a compute node without internet a connection may hang for minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
