"""A sign of life: a file whose time of change says when its process was last there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

SECONDS = 30.0


@contextmanager
def heartbeat(file: Path, seconds: float = SECONDS) -> Iterator[None]:
    """Within this block the file's time of change is set to now, every so many seconds; its content stays."""
    ended = Event()

    def beat() -> None:
        while not ended.wait(seconds):
            with suppress(OSError):  # a disk that is away for a while
                os.utime(file)

    thread = Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
