"""Corrupted images as PNG files: the same bits that networks are trained with and tested on."""

import json
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from modrobust.corruption.choice import choose
from modrobust.corruption.composition import label
from modrobust.corruption.corruption import quantize
from modrobust.dataset.content import content_of
from modrobust.dataset.splits import Split
from modrobust.dataset.take import rank_in_class
from modrobust.errors import UserError
from modrobust.method.experiment import Experiment, Method
from modrobust.progress import Bar, bar
from modrobust.store.files import disk_errors
from modrobust.store.lock import Lock
from modrobust.task.manifest import Manifest
from modrobust.task.png import start_worker, write_images

log = logging.getLogger(__name__)

CHUNK = 256  # images that a worker gets at a time

Composition = tuple[str, ...]
Write = Callable[..., "Future[list[str]]"]


@dataclass(frozen=True)
class Chunk:
    """Some images of a split: their places in it, and the names of their files below the corruption's folder."""

    split: str
    where: slice
    names: list[str]


class ExportImages:
    """Writes <folder>/<DATASET>/<Corruption>/{train,valid,test}/<label>/<i>.png and <DATASET>/<Corruption>.sha256.

    i is the image's number within its class and split, from 0, in the order of the split. An image's noise is that of
    evaluation, and for training images that of the method cross_entropy. Grey images become grey files.
    """

    def __init__(self, folder: str, compositions: list[str] | None, processes: int | None) -> None:
        """Keep the settings.

        Args:
            folder: where the datasets' folders go.
            compositions: labels; None for Identity and the elemental corruptions.
            processes: that compress and write; None for the machine's cores over torch's threads.

        Raises:
            UserError: processes is below 1, or compositions are no list.
        """
        if isinstance(compositions, str):
            raise UserError(f"task.compositions={compositions}: a list is needed, such as [Contrast-Swirl].")
        if processes is not None and processes < 1:
            raise UserError(f"task.processes={processes}: at least 1 is needed.")
        self.folder, self.compositions = Path(folder), compositions
        self.processes = processes or max(1, (os.cpu_count() or 1) // torch.get_num_threads())

    def __call__(self, experiment: Experiment, method: Method, own: Path) -> None:
        """Write what is missing; the method makes no difference.

        Raises:
            UserError: a composition is unknown; a folder holds images of other settings, or files that are no part
                of the export; the disk is full.
        """
        corruption, dataset = experiment.corruption, experiment.dataset
        labels = list(experiment.elemental) if self.compositions is None else self.compositions
        compositions = choose([], corruption.elemental, dict.fromkeys(labels), None)
        folder = self.folder / {"cifar10": "CIFAR"}.get(dataset.name, dataset.name.upper())
        chunks = list(chunks_of(dataset.splits))
        content = {name: content_of(split.to("cpu")) for name, split in dataset.splits.items()}
        with writers(self.processes) as write:
            for composition in compositions:
                settings = {"data": content, **settings_of(experiment, composition)}
                export(experiment, composition, settings, chunks, folder, write)
        log.info("written: %s", folder)


def settings_of(experiment: Experiment, composition: Composition) -> dict[str, Any]:
    """What a composition's images depend on besides the data."""
    written = experiment.parts.corruption
    return {"elemental": {name: written["elemental"][name] for name in composition}, "seed": written["seed"]}


def chunks_of(splits: dict[str, Split]) -> Iterator[Chunk]:
    """All images of all splits."""
    for name, split in splits.items():
        targets = split.targets.cpu().numpy()
        rank, _ = rank_in_class(targets)
        files = [f"{name}/{target}/{i}.png" for target, i in zip(targets.tolist(), rank.tolist(), strict=True)]
        for start in range(0, len(files), CHUNK):
            where = slice(start, min(start + CHUNK, len(files)))
            yield Chunk(name, where, files[where])


def entries(chunks: list[Chunk]) -> int:
    """Files and folders of a corruption's folder, itself included."""
    files = [name for chunk in chunks for name in chunk.names]
    return len({str(parent) for name in files for parent in Path(name).parents}) + len(files)


def export(
    experiment: Experiment,
    composition: Composition,
    settings: dict[str, Any],
    chunks: list[Chunk],
    folder: Path,
    write: Write,
) -> None:
    """Write the images of one composition that are missing, and its manifest."""
    name, splits = label(composition), experiment.dataset.splits
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with disk_errors(folder), Lock(folder / f".{name}.lock"):
        manifest = Manifest(folder, name, json.dumps(settings, sort_keys=True, default=str))
        missing = [chunk for chunk in chunks if not manifest.has(chunk.names)]
        for parent in {(folder / name / file).parent for chunk in missing for file in chunk.names}:
            parent.mkdir(parents=True, exist_ok=True)
        total = sum(len(split) for split in splits.values())
        running: deque[tuple[Chunk, Future[list[str]]]] = deque()

        def collect(shown: Bar) -> None:
            chunk, future = running.popleft()
            manifest.add(chunk.names, future.result())
            shown.advance(len(chunk.names))
            shown.say("images")

        with bar(name, total, total - sum(len(chunk.names) for chunk in missing)) as shown:
            for chunk in missing:
                some = splits[chunk.split].take(chunk.where, experiment.device)
                images = experiment.corruption.apply(some.inputs, composition, chunk.split, some.index)
                future = write(folder / name, chunk.names, quantize(images).cpu().numpy())
                running.append((chunk, future))
                while len(running) > 2 * os.cpu_count():  # type: ignore[operator]
                    collect(shown)
            while running:
                collect(shown)
        manifest.close([file for chunk in chunks for file in chunk.names])
    found = 1 + sum(1 for _ in (folder / name).rglob("*"))
    if found != (expected := entries(chunks)):
        raise UserError(f"{folder / name} has {found} entries, not {expected}: it holds files of something else.")


@contextmanager
def writers(processes: int) -> Iterator[Write]:
    """Calls of `write_images`, in worker processes where there are several."""
    if processes == 1:

        def here(*args: Any) -> "Future[list[str]]":
            future: Future[list[str]] = Future()
            future.set_result(write_images(*args))
            return future

        yield here
        return
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=start_worker)
    try:
        yield lambda *args: pool.submit(write_images, *args)
    finally:
        pool.shutdown(cancel_futures=True)
