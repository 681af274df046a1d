"""Testing a predictor on compositions: every image, each common prefix computed once. Knows no method by name."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.profiler import record_function

from modrobust import interrupt
from modrobust.corruption.choice import Composition
from modrobust.corruption.composition import label
from modrobust.corruption.corruption import Corruption, quantize
from modrobust.dataset.normalise import STRETCH, normalise
from modrobust.dataset.splits import ImageDataset, Split
from modrobust.evaluation.results import Results
from modrobust.method.made import Predictor, checked
from modrobust.progress import bar
from modrobust.store.files import disk_errors

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0  # at the accuracy so far; each makes a GPU wait
BATCHES = {"cpu": 256, "cuda": 2048}  # a GPU is kept waiting by small ones, a processor's cache is filled by large ones
WORK_FOR_SAVING = 50  # class sums may be a gigabyte: between two checkpoints is so many times the work of one


def images_at_a_time(batch_size: int | str, device: torch.device) -> int:
    """The number that a configuration gives, or what auto stands for on a device."""
    return BATCHES.get(device.type, BATCHES["cpu"]) if isinstance(batch_size, str) else batch_size


def corrupted(
    corruption: Corruption, compositions: list[Composition], images: Tensor, split: str, index: Tensor
) -> Iterator[tuple[Composition, Tensor]]:
    """One batch under every composition, each common prefix computed once.

    Args:
        images: uint8 (B, C, H, W).
        split, index: key the random draws.

    Yields:
        (composition, uint8 (B, C, H, W)), in order of prefixes.
    """
    wanted = set(compositions)
    stages: list[tuple[Composition, Tensor]] = [((), images.float())]
    for composition in sorted(wanted):
        while stages[-1][0] != composition[: len(stages[-1][0])]:
            stages.pop()
        while len(prefix := stages[-1][0]) < len(composition):
            name = composition[len(prefix)]
            step = corruption.step(stages[-1][1], name, len(prefix), split, index)
            stages.append(((*prefix, name), step))
        yield composition, quantize(stages[-1][1])


def evaluate(
    predict: Predictor,
    dataset: ImageDataset,
    split_name: str,
    corruption: Corruption,
    compositions: list[Composition],
    batch_size: int | str,
    device: torch.device,
    folder: Path,
    activations: bool | str = False,
    checkpoint_seconds: float = 60.0,
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    watch: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Results:
    """Predict all images of a split under all compositions; resumes what an earlier attempt left in `folder`.

    Args:
        batch_size: images at a time; auto: BATCHES of the device.
        activations: also class means and unit maxima of penultimate features; 'raw' writes the features
            themselves to folder/features/<variant>/<composition>.npy, float32 (images, units).
        checkpoint_seconds: between checkpoints; longer where one takes long.
        autocast: makes the context in which the network computes.
        watch: makes the context of every batch under all its compositions.

    Raises:
        Interrupted: a signal came; what was done is saved in folder/evaluation.partial.npz.
    """
    split = dataset.splits[split_name]
    size = images_at_a_time(batch_size, device)
    results = Results(compositions, len(split), dataset.num_classes, bool(activations), device)
    partial = folder / "evaluation.partial.npz"
    results.restore(partial)
    saved, looked, pause = time.monotonic(), 0.0, checkpoint_seconds
    with interrupt.saving(), torch.inference_mode(), bar("testing", len(split), results.start) as shown:
        while (start := results.start) < len(split):
            some = split.take(slice(start, start + size), device)
            lacking = results.lacking(start)
            with watch():
                for composition, images in corrupted(corruption, lacking, some.inputs, split_name, some.index):
                    with record_function(STRETCH):
                        inputs = normalise(images, dataset)
                    with autocast():
                        predicted = predict(inputs, composition)
                    predicted = checked(predicted, len(some), dataset.num_classes)
                    for variant, (logits, units, *more) in predicted.items():
                        results.add(variant, composition, start, logits, units, some.targets, *more)
                        if activations == "raw":
                            _write_raw(folder / "features" / variant, composition, len(split), start, units)
                    results.done[results.place[composition]] += len(some)
                    signum = interrupt.pending()
                    if signum is not None or time.monotonic() - saved >= pause:
                        begun = time.monotonic()
                        results.save(partial)
                        saved = time.monotonic()
                        pause = max(checkpoint_seconds, WORK_FOR_SAVING * (saved - begun))
                    if signum is not None:
                        log.info("testing: saved at image %d of %d", results.start, len(split))
                        raise interrupt.Interrupted(signum)
            shown.advance(len(some))
            if time.monotonic() - looked >= SECONDS_BETWEEN_LOOKS or results.start == len(split):
                shown.say(_accuracy_so_far(results, split, results.start))
                looked = time.monotonic()
    return results


def _accuracy_so_far(results: Results, split: Split, done: int) -> str:
    targets = split.targets[:done].to(results.device)
    right = [results.tensors[f"{v}/predictions"][:, :done] == targets for v in results.variants]
    return "accuracy " + " ".join(f"{100 * float(one.float().mean()):.1f} %" for one in right)


def _write_raw(folder: Path, composition: Composition, n_images: int, start: int, units: Tensor) -> None:
    """Not memory-mapped: on a full disk that would end the process by SIGBUS."""
    path = folder / f"{label(composition)}.npy"
    rows = units.float().cpu().numpy()
    with disk_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("r+b" if start else "wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (n_images, rows.shape[1])}
            np.lib.format.write_array_header_1_0(file, header)
            file.seek(start * rows[0].nbytes, os.SEEK_CUR)
            file.write(rows.tobytes())
