"""A run's folder: its configuration, its status, its log. Imports no torch."""

import json
import logging
import os
import platform
import time
import traceback
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from modrobust.config.explain import explain
from modrobust.config.identity import identity, kind_of, place
from modrobust.errors import Diverged, Pruned, UserError
from modrobust.interrupt import Interrupted, handled, unbroken
from modrobust.store.data import data_changed
from modrobust.store.files import disk_errors, held, read_json, remove_leftovers, write_json, write_npz, write_text
from modrobust.store.folders import status_of
from modrobust.store.heartbeat import heartbeat
from modrobust.store.lock import Lock, Timeout
from modrobust.store.provenance import code_version, job_id

if TYPE_CHECKING:
    from modrobust.store.parts import Part

log = logging.getLogger(__name__)


class RunFolder:
    """A run folder, held by one process while it works; its status tells the end.

    As a context manager it takes the folder's lock, writes status `running`, and leaves `done`, `preempted`
    (a signal), `pruned` (by a search) or `failed` (with the line that is told about the error; the traceback goes to
    the log).

    Files: config.yaml, status.json, run.log, metrics.jsonl and .csv; results.csv and more from the evaluation.
    """

    def __init__(self, folder: Path, cfg: DictConfig) -> None:
        """Open a folder, new or from an earlier attempt.

        Raises:
            UserError: the folder holds a run of another configuration, or its disk is full or read-only.
        """
        self.folder = folder
        self._config = cfg
        self._lock = Lock(folder / ".lock")
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._refuse_other_config()

    def _refuse_other_config(self) -> None:
        path = self.folder / "config.yaml"
        if not path.exists():
            return
        found, asked = identity(OmegaConf.load(path)), identity(self._config)  # type: ignore[arg-type]
        different = [key for key in found.keys() | asked.keys() if found.get(key) != asked.get(key)]
        if different:
            raise UserError(
                f"{self.folder} holds a run of another configuration (different: {', '.join(sorted(different))}); "
                "move it away, or set paths.outputs to another folder."
            )

    @property
    def status(self) -> dict[str, Any]:
        """What status.json says; empty for a new folder."""
        return status_of(self.folder)

    @property
    def done(self) -> bool:
        """Whether an earlier attempt finished everything."""
        return self.status.get("state") == "done"

    def update(self, **values: Any) -> None:
        """Change some values of status.json."""
        write_json(self.folder / "status.json", {**self.status, "updated": _now(), **values})

    def note_data(self, data: dict[str, Any]) -> None:
        """Write down what the data is (see `modrobust.dataset.record`).

        Raises:
            UserError: an earlier attempt had other data.
        """
        before = (self.status.get("data") or {}).get("checksums") or {}
        if any(data["checksums"].get(name) != content for name, content in before.items()):
            raise UserError(
                f"{self.folder} holds results of other data than is there now: move it away to test on the new data, "
                "or give that another dataset.name."
            )
        self.update(data={**data, "place": place(self._config)})

    def data_changed(self) -> bool:
        """Whether the data may be other than in the attempt before (see `modrobust.store.data`)."""
        return data_changed(self.status, place(self._config), unknown=True)

    def keep(
        self, parts: Iterable["Part"], tables: dict[str, list[dict[str, Any]]], arrays: dict[str, dict[str, Any]]
    ) -> None:
        """Write metrics.jsonl and .csv: learning curves of the parts used; tables and arrays as <name>.csv and .npz."""
        import pandas as pd

        parts = list(parts)
        lines = "".join(part.metrics.read_text(encoding="utf-8") for part in parts)
        write_text(self.folder / "metrics.jsonl", lines)
        curves = pd.DataFrame([json.loads(line) for line in lines.splitlines()] or {"part": [], "epoch": []})
        write_text(self.folder / "metrics.csv", curves.to_csv(index=False))
        for name, rows in tables.items():
            write_text(self.folder / f"{name}.csv", pd.DataFrame(rows).to_csv(index=False))
        for name, content in arrays.items():
            write_npz(self.folder / f"{name}.npz", content)
        imported = [part.name for part in parts if "imported" in (read_json(part.folder / "status.json") or {})]
        self.update(parts=[str(part.folder) for part in parts], imported=imported)

    def leave_out(self, *names: str) -> None:
        """Remove files of these names, also those of further evaluations; a share's stay, to be merged."""
        if not self.folder.name.startswith("shard-"):
            for file in (file for name in names for file in self.folder.rglob(name)):
                file.unlink()

    def __enter__(self) -> "RunFolder":
        try:
            with disk_errors(self.folder):
                self._lock.acquire(timeout=0)
        except Timeout:
            status = self.status
            raise UserError(
                f"this run is already going on: process {status.get('pid')} on {status.get('host')} "
                f"since {status.get('started')} ({self.folder})."
            ) from None
        try:
            self._begin()
        except BaseException as error:  # a signal, too: the status must not stay `running`
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _begin(self) -> None:
        self._begun, self._alive = time.monotonic(), ExitStack()
        self._before: float = self.status.get("seconds", 0.0)  # of earlier attempts
        self._alive.enter_context(handled())
        self._alive.enter_context(held(self.folder))
        logging.raiseExceptions = False  # run.log on a full disk: no traceback for every line it lacks
        remove_leftovers(self.folder)
        write_text(self.folder / "config.yaml", OmegaConf.to_yaml(self._config, resolve=True))
        self.update(
            state="running",
            attempt=self.status.get("attempt", 0) + 1,
            started=_now(),
            error=None,
            diverged=False,
            host=platform.node(),
            pid=os.getpid(),
            slurm_job_id=job_id(),
            kind=kind_of(identity(self._config)),
            gpus=os.environ.get("CUDA_VISIBLE_DEVICES"),
            **code_version(),
        )
        self._alive.enter_context(heartbeat(self.folder / "status.json"))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with unbroken():
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        seconds = round(self._before + time.monotonic() - self._begun, 2)
        try:
            if error is None:
                self.update(state="done", seconds=seconds)
                return
            if isinstance(error, KeyboardInterrupt):
                end = {"state": "preempted", "error": str(error)}
                reason = error if isinstance(error, Interrupted) else "interrupted"
                log.warning("%s: what was finished is kept; the same command goes on from there.", reason)
            elif isinstance(error, Pruned):
                end = {"state": "pruned", "error": str(error)}
            else:
                _log_traceback(error)
                end = {"state": "failed", "error": one_line(error)}
            with suppress(UserError):  # on a full disk too, the first error is the one to tell
                self.update(seconds=seconds, diverged=isinstance(error, Diverged), **end)
        finally:
            self._alive.close()
            self._lock.release()


def write_failure(folder: Path, error: BaseException) -> str:
    """Write down what made a run fail, where it failed before it took its folder: status.json, a traceback in run.log.

    A folder that is gone, that another process holds, or whose run is done is left alone.

    Returns:
        The line that says what is wrong.
    """
    line = one_line(error)
    if not folder.is_dir():
        return line
    with suppress(Timeout, OSError, UserError), Lock(folder / ".lock").acquire(timeout=0):
        status = read_json(folder / "status.json") or {}
        if status.get("state") == "done" or (status.get("state"), status.get("error")) == ("failed", line):
            return line
        _log_traceback(error)
        if not (folder / "run.log").exists():
            write_text(folder / "run.log", "".join(traceback.format_exception(error)))
        end = {"state": "failed", "error": line, "updated": _now(), "host": platform.node(), "slurm_job_id": job_id()}
        write_json(folder / "status.json", {**status, **end})
    return line


def one_line(error: BaseException) -> str:
    """What the command says of an error where it has a line for it; else its type and the first line of its text."""
    return explain(error, []) or f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _log_traceback(error: BaseException) -> None:
    lines = "".join(traceback.format_exception(error))
    logging.getLogger("modrobust.traceback").error(lines)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
