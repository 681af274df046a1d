"""Truth tables of known structure: published graphs of gates, a user's own, and several tasks at once."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from modrobust.dataset.gates import Layers, all_inputs, check_whole, structure, truth_table
from modrobust.dataset.splits import Split
from modrobust.dataset.structure import StructuredDataset
from modrobust.errors import UserError, nearest

INPUTS = 6
RANDOM_TABLE = ("4f562f00aecbc2df", "6fe4167ab65f5e9a")  # the 64 bits of every output, row 0 first

PAIRS = ("xor 0 1", "xor 2 3", "xor 4 5")
A0 = (PAIRS, ("and 0 1", "and 1 2"))
A1 = (("or 0 2", "or 3 4", "or 1 5"), ("and 0 1", "and 1 2"))
A2 = (("or 0 2", "xor 4 5", "xor 0 1", "or 3 4"), ("and 0 1", "and 2 3"))
GRAPHS: dict[str, tuple[Layers | None, ...]] = {  # the gates of every task; None for the random table
    "[6, 2]": (None,),
    "[6, 2, 2]": ((PAIRS[:2],),),
    "[6, 3, 2, 2]": (A0,),
    "[6, 3, 3, 2, 2]": ((PAIRS, ("and 0 1", "and 1 2", "and 0 2"), ("or 0 2", "or 1 2")),),
    "multi_task_a": (A0, A1, A2),
    "multi_task_b": (A0, A2),
}


def boolean(
    root: Path,
    *,
    name: str,
    graph: str | Sequence[int] | None,
    gates: Layers | None,
    inputs: int,
    tasks: int | None,
    train_fraction: float,
    split_seed: int | None,
) -> StructuredDataset:
    """All rows of a truth table, cut into train, valid and test at random.

    Inputs are float32 (N, inputs) and targets float32 (N, outputs) of 0 and 1. Of n rows int(n * train_fraction)
    are for training, half of the rest, rounded down, for validation, the others for the test; where all rows are
    trained on, all are in valid and test, too. The index is the row's number, plus n for every task before its own.

    Args:
        root: not used; every dataset takes it.
        name: see `Dataset`.
        graph: [6,2] (a random table, without structure), [6,2,2], [6,3,2,2], [6,3,3,2,2], or several tasks:
            multi_task_a, multi_task_b; None where `gates` are given.
        gates: layers of gates, see `truth_table`; None where `graph` is given.
        inputs: how many bits the gates have, 1 to 16; every graph has 6.
        tasks: how many tasks of a graph that has several, the first ones; None for all.
        train_fraction: above 0, up to 1.
        split_seed: draws the splits; None for the seed of the run.

    Raises:
        UserError: a value is not allowed, or the fraction leaves a split without rows.
    """
    chosen = _gates_of_tasks(graph, gates, inputs, tasks)
    targets = torch.stack([_targets(layers, inputs) for layers in chosen])
    only = chosen[0] if len(chosen) == 1 else None
    check_split_seed(split_seed)
    shares = cut(targets.shape[1], train_fraction)
    resplit = partial(_splits, torch.from_numpy(all_inputs(inputs)), targets, shares)
    return StructuredDataset(
        name=name,
        splits=resplit(split_seed or 0),
        structure=structure(only) if only else None,
        tasks=len(chosen),
        resplit=resplit if split_seed is None else None,
        files=(),
    )


def _gates_of_tasks(
    graph: str | Sequence[int] | None, gates: Layers | None, inputs: int, tasks: int | None
) -> tuple[Layers | None, ...]:
    """The gates of every task that is wanted; None for a random table."""
    if (graph is None) == (gates is None):
        raise UserError(f"dataset.graph is {graph} and dataset.gates {gates}: give one of them, and null for the other")
    every: tuple[Layers | None, ...] = (gates,)
    if gates is None:
        key = str(list(graph)) if isinstance(graph, Sequence) and not isinstance(graph, str) else str(graph)
        if key not in GRAPHS:
            raise UserError(f"dataset.graph is {graph}: allowed are {', '.join(GRAPHS)}.{nearest(key, GRAPHS)}")
        if inputs != INPUTS:
            raise UserError(f"dataset.inputs is {inputs}: every graph has {INPUTS}; others are for dataset.gates")
        every = GRAPHS[key]
    if tasks is not None:
        check_whole("tasks", tasks, 1, len(every), ", or null for all")
    return every[:tasks]


def _targets(layers: Layers | None, inputs: int) -> Tensor:
    """The outputs for all rows, float32 (rows, outputs)."""
    if layers is not None:
        return torch.from_numpy(truth_table(layers, inputs)[1])
    columns = [np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8)) for digits in RANDOM_TABLE]
    return torch.from_numpy(np.stack(columns, 1).astype(np.float32))


def _splits(bits: Tensor, targets: Tensor, shares: dict[str, slice], seed: int) -> dict[str, Split]:
    """The splits of a seed.

    Args:
        bits: the inputs of every row, float32 (n, D).
        targets: those of every task and row, float32 (tasks, n, B).
        shares: which part of the rows, once shuffled, a split has.
        seed: shuffles the rows of every task.
    """
    draw = torch.Generator().manual_seed(seed)
    tasks, n, _ = targets.shape
    orders = torch.stack([torch.randperm(n, generator=draw) + n * task for task in range(tasks)])
    splits = {}
    for name, share in shares.items():
        index = orders[:, share].flatten()
        task = index // n if tasks > 1 else None
        splits[name] = Split(bits[index % n], targets.flatten(0, 1)[index], index, task)
    return splits


def cut(n: int, train_fraction: float) -> dict[str, slice]:
    """Which of n shuffled things train, valid and test have.

    int(n * train_fraction) are for training, half of the rest, rounded down, for validation, the others for the
    test; all are for all where the fraction is 1.

    Raises:
        UserError: the fraction is not above 0 and up to 1, or a split would have none.
    """
    number = isinstance(train_fraction, int | float) and not isinstance(train_fraction, bool)
    if not number or not 0 < train_fraction <= 1:
        raise UserError(f"dataset.train_fraction is {train_fraction}: allowed are numbers above 0, up to 1")
    train = int(n * train_fraction)
    if train == n:
        return dict.fromkeys(("train", "valid", "test"), slice(None))
    valid = (n - train) // 2
    if not train or not valid:
        raise UserError(
            f"dataset.train_fraction is {train_fraction}: of {n}, train would have {train}, valid {valid} and test"
            f" {n - train - valid}; allowed are fractions that leave one for each, or 1, where each has all"
        )
    return {"train": slice(train), "valid": slice(train, train + valid), "test": slice(train + valid, n)}


def check_split_seed(seed: int | None) -> None:
    """Refuse what is no seed. Raises UserError."""
    if seed is not None:
        check_whole("split_seed", seed, 0, 2**63 - 1, ", or null for the seed of the run")
