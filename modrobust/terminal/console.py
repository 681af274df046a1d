"""Messages on the terminal: above a bar where there is one."""

import logging
import sys
from typing import TextIO


class ConsoleHandler(logging.StreamHandler[TextIO]):
    """Writes to what is standard error at the time, for a bar puts itself in its place; not what the bar shows."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Standard error."""
        return sys.stderr

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        if not getattr(record, "log_only", False):
            super().emit(record)
