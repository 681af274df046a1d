"""A command that tells people of a sweep who do not look at it: at its first failure, and at its end."""

import logging
import os
import subprocess
from pathlib import Path

log = logging.getLogger(__name__)

SECONDS = 60.0  # for the command


class Notify:
    """Runs a shell command with the news on its standard input, and in MODROBUST_EVENT `failed` or `ended`."""

    def __init__(self, command: str | None, runs: Path) -> None:
        """Nothing is run yet; without a command nothing ever is.

        Args:
            command: for the shell, such as `mail -s modrobust me@example.org`.
            runs: the folder of all runs.
        """
        self._command, self._runs, self._failed = command, runs, False

    def look(self, total: int, done: int, failed: int) -> None:
        """Tell of the first failure."""
        if failed and not self._failed:
            self._failed = True
            self._tell("failed", f"a run failed: {done} of {total} are done, {failed} failed")

    def end(self, total: int, done: int, failed: int) -> None:
        """Tell of the end."""
        self._tell("ended", f"the sweep has ended: {done} of {total} runs are done, {failed} failed")

    def _tell(self, event: str, text: str) -> None:
        if not self._command:
            return
        text = f"{text} ({self._runs})\n"
        try:
            environment = {**os.environ, "MODROBUST_EVENT": event}
            subprocess.run(self._command, shell=True, input=text.encode(), env=environment, timeout=SECONDS, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            log.warning("hydra.launcher.notify: %s", error)
