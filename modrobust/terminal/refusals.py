"""What the system refuses - a disk, memory, a folder - told in one line. Imports nothing that takes a while."""

import errno
import os
import re

DISK = (errno.ENOSPC, errno.EDQUOT)
SYSTEM = (
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE),
    *(errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENODEV, errno.ENXIO, errno.EBUSY, errno.ELOOP),
    *(errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
)
"""What says something of the machine and its folders; any other error is a program's."""
AGAIN = "Nothing that was finished is damaged; make room and give the same command again."
NO_MEMORY = re.compile(
    r"failed to map segment|cannot allocate memory|can't allocate memory|out of memory|can't start new thread"
    r"|cannot enable executable stack|DefaultCPUAllocator",
    re.IGNORECASE,
)

COMPILER = ("torch._inductor.exc", "torch._dynamo.exc")
"""Where the errors of torch.compile are defined."""


def refusal(error: BaseException, path: object = None) -> str | None:
    """One line for an error that is the system's: what and where; None for all others.

    Args:
        error: what was raised.
        path: what was to be written; None: the file that the error names, if any.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return _of_files(error, path)
    # torch's OutOfMemoryError is a RuntimeError; a library that finds no memory when it is loaded, an ImportError.
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | ImportError | OSError) and NO_MEMORY.search(str(error))
    ):
        reason = (str(error).splitlines() or [""])[0] or "an allocation failed"
        less = "" if isinstance(error, ImportError) else "smaller batch_size and cache_gb need less; "
        return f"not enough memory: {reason}; {less}`ulimit -v` and a job's mem_gb may limit it."
    if type(error).__module__ in COMPILER:
        reason = (str(error).splitlines() or [""])[0]
        return (
            f"compile=true: {type(error).__name__}: {reason.rstrip('.')}. compile=false needs no compiler. A process "
            "that was killed while it compiled may have left a damaged file: then delete it."
        )
    return None


def _of_files(error: OSError, path: object) -> str | None:
    where = path or error.filename
    at = f"{where} could not be saved" if where else "something could not be saved"
    if error.errno in DISK:
        return f"the disk is full: {at} ({error.strerror}). {AGAIN}"
    if error.errno == errno.EFBIG:
        return f"{at}: {error.strerror}, by the limit that `ulimit -f` shows or by the disk's own. {AGAIN}"
    if error.errno == errno.ENOENT and not _current_folder_exists():
        return "the current folder was removed; change to another one, or to one of that name again."
    if error.errno in SYSTEM:
        verb = "written" if path else "used"
        return f"{where} cannot be {verb}: {error.strerror}." if where else f"{error.strerror}."
    return None


def _current_folder_exists() -> bool:
    try:
        os.getcwd()  # noqa: PTH109  pathlib takes a while
    except OSError:
        return False
    return True
