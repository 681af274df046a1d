"""Parts: trained pieces in folders of their own, shared by every run that needs the same piece."""

import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from modrobust.config.identity import fingerprint
from modrobust.store.files import (
    disk_errors,
    held,
    read_json,
    remove_leftovers,
    write_atomically,
    write_json,
    write_text,
)
from modrobust.store.lock import Lock, Timeout

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """One trained piece: weights, learning curve, and, while it is trained, checkpoints.

    Attributes:
        name: what it is, such as `classifier` or `module-Contrast`.
        folder: holds depends.json, metrics.jsonl, weights.safetensors, status.json.
        hash: stands for everything the piece depends on.
        seed: for what is random in its training.
        depends: everything it depends on, as plain values.
        log: is given each row of the learning curve, once in each attempt at a run.
        finder: see `find`; None: the part's own folder.
    """

    name: str
    folder: Path
    hash: str
    seed: int
    depends: dict[str, Any] = field(repr=False)
    log: Callable[[dict[str, Any]], None] = field(default=lambda row: None, repr=False, compare=False)
    finder: "Finder | None" = field(default=None, repr=False, compare=False)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other process from training this part; waits while another does."""
        lock = Lock(self.folder / ".lock")
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if self._done() is None:  # else the other one only reads it
                    log.info("waiting for %s, which another run is training (%s)", self.name, self.folder)
                lock.acquire()
        try:
            remove_leftovers(self.folder)
            if not (self.folder / "depends.json").exists():
                write_json(self.folder / "depends.json", self.depends)
            with held(self.folder):
                yield
        finally:
            lock.release()

    def find(self, network: nn.Module) -> dict[str, Tensor] | None:
        """The finished weights for a network of this part; None where it is still to be trained.

        They lie in the part's folder, unless `Parts` were told of another place.
        """
        return self.load() if self.finder is None else self.finder(self, network)

    def load(self) -> dict[str, Tensor] | None:
        """The finished weights, or None where training has not finished. A damaged file counts as unfinished."""
        if (status := self._done()) is None:
            return None
        try:
            content = (self.folder / "weights.safetensors").read_bytes()
            if hashlib.sha256(content).hexdigest() != status.get("sha256"):
                raise SafetensorError("its content has changed")
            return load_safetensors(content)
        except (OSError, SafetensorError) as error:
            log.warning("%s is damaged (%s): %s is trained again.", self.folder, error, self.name)
            return None

    def _done(self) -> dict[str, Any] | None:
        """What `finish` has written; None while training has not finished."""
        status = read_json(self.folder / "status.json")
        return status if status and status.get("state") == "done" else None

    def finish(self, weights: dict[str, Tensor], summary: dict[str, Any]) -> None:
        """Save the final weights; the part is done from here on, and its checkpoints are removed."""
        content = save_safetensors({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()})
        write_atomically(self.folder / "weights.safetensors", lambda file: file.write(content))
        digest = hashlib.sha256(content).hexdigest()
        write_json(self.folder / "status.json", {"state": "done", "sha256": digest, **summary})
        for path in self._checkpoints:
            path.unlink(missing_ok=True)

    @property
    def _checkpoints(self) -> tuple[Path, Path]:
        return self.folder / "checkpoint.pt", self.folder / "checkpoint.previous.pt"

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Save the state of unfinished training; the checkpoint before it is kept in case this one is lost."""
        newest, previous = self._checkpoints
        buffer = io.BytesIO()
        torch.save(state, buffer)
        content = buffer.getvalue()
        content += hashlib.sha256(content).digest()
        if newest.exists():
            newest.replace(previous)
        write_atomically(newest, lambda file: file.write(content))

    def load_checkpoint(self) -> dict[str, Any] | None:
        """The newest whole checkpoint, on the CPU, or None. A damaged one is named and removed."""
        damaged: list[Path] = []
        for path in filter(Path.exists, self._checkpoints):
            content = path.read_bytes()
            body, digest = content[:-32], content[-32:]
            if hashlib.sha256(body).digest() == digest:
                if damaged:
                    log.warning("checkpoint %s is damaged: going on from the one before it, %s.", damaged[0], path)
                return dict(torch.load(io.BytesIO(body), map_location="cpu", weights_only=True))
            path.unlink()  # or the next checkpoint would make it the previous one, in place of a whole one
            damaged.append(path)
        if damaged:
            log.warning("checkpoint %s is damaged and is the only one: %s is trained anew.", damaged[0], self.name)
        return None

    def write_metrics(self, rows: list[dict[str, Any]]) -> None:
        """Replace the learning curve by these rows, one JSON object a line."""
        write_text(self.metrics, "".join(json.dumps(row) + "\n" for row in rows))

    def curve(self) -> list[dict[str, Any]]:
        """The learning curve: a row for each epoch."""
        return [json.loads(line) for line in self.metrics.read_text(encoding="utf-8").splitlines()]

    @property
    def metrics(self) -> Path:
        """The learning curve's file: a JSON object for each epoch."""
        return self.folder / "metrics.jsonl"


Finder = Callable[[Part, nn.Module], dict[str, Tensor] | None]
"""(part, its network) -> the part's finished weights; None where it is to be trained."""


@dataclass(frozen=True)
class Parts:
    """Names parts by what they depend on.

    Attributes:
        root: the folder of all parts.
        common: what every part depends on: dataset, data, model, training, seed, threads.
        corruption: their configuration; a part depends on the seed and the elemental ones it is trained with.
        log, finder: see `Part`.
    """

    root: Path
    common: dict[str, Any]
    corruption: dict[str, Any]
    log: Callable[[dict[str, Any]], None] = lambda row: None
    finder: Finder | None = None

    def part(self, name: str, corruptions: tuple[str, ...], **depends: Any) -> Part:
        """The part of this name that is trained with these elemental corruptions.

        Args:
            name: what it is; also the first half of its folder's name.
            corruptions: elemental corruptions it is trained with, in order; Identity may be among them.
            depends: everything else it depends on, as plain values: learning rate, level, hashes of parts below.
        """
        elemental = {c: self.corruption["elemental"][c] for c in corruptions if c != "Identity"}
        content = {
            **self.common,
            "part": name,
            "corruptions": list(corruptions),
            "elemental": elemental,
            "corruption_seed": self.corruption["seed"],
            **depends,
        }
        digest = fingerprint(content)
        dataset, model, seed = (
            self.common["dataset"]["name"],
            self.common["model"]["name"],
            self.common["seed"],
        )
        folder = self.root / dataset / f"{name}-{model}-seed{seed}-{digest}"
        return Part(name, folder, digest, seed, content, self.log, self.finder)
