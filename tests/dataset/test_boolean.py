"""Truth tables and their splits against the golden values; what each key does and refuses."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from published import compare, published

from modrobust.dataset.boolean import boolean
from modrobust.dataset.gates import structure
from modrobust.dataset.structure import StructuredDataset
from modrobust.errors import UserError

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden"
SPLITS = json.loads((GOLDEN / "boolean_splits.json").read_text())
TABLES = {
    (6, 2): ["6_2"],
    (6, 2, 2): ["6_2_2"],
    (6, 3, 2, 2): ["6_3_2_2"],
    (6, 3, 3, 2, 2): ["6_3_3_2_2"],
    "multi_task_a": [f"mt_generalization_{task}" for task in range(3)],
    "multi_task_b": [f"mt_generalization2_{task}" for task in range(2)],
}
DEFAULTS = {"gates": None, "inputs": 6, "tasks": None, "train_fraction": 0.5, "split_seed": 40}


def load(graph: Any = (6, 3, 2, 2), **keys: Any) -> StructuredDataset:
    return boolean(Path("nowhere"), name="boolean", graph=graph, **{**DEFAULTS, **keys})


def same(a: StructuredDataset, b: StructuredDataset, seed: int) -> bool:
    first, second = (dataset.splits_of(seed) for dataset in (a, b))
    return all(torch.equal(first[name].index, second[name].index) for name in ("train", "valid", "test"))


@published
@pytest.mark.parametrize("graph", TABLES)
def test_tables(graph: Any) -> None:
    dataset = load(graph if isinstance(graph, str) else list(graph))
    assert dataset.tasks == len(TABLES[graph])
    with np.load(GOLDEN / "tables.npz") as golden:
        inputs = np.concatenate([golden[f"X_{name}"] for name in TABLES[graph]])
        targets = np.concatenate([golden[f"Y_{name}"] for name in TABLES[graph]])
    for split in dataset.splits.values():
        assert split.inputs.dtype == split.targets.dtype == torch.float32
        assert np.array_equal(split.inputs, inputs[split.index])
        assert np.array_equal(split.targets, targets[split.index])
        compare("truth tables of Boolean functions", split.targets, targets[split.index])
    index = torch.cat([split.index for split in dataset.splits.values()])
    assert index.dtype == torch.int64
    assert index.sort().values.tolist() == list(range(64 * dataset.tasks))


@published
@pytest.mark.parametrize("key", SPLITS)
def test_splits(key: str) -> None:
    splits = load(train_fraction=float(key.split("_")[0])).splits
    assert list(splits) == ["train", "valid", "test"]
    for name, theirs in zip(splits, ("train", "val", "test"), strict=True):
        compare("splits of Boolean functions", splits[name].index.tolist(), SPLITS[key][theirs])
        assert splits[name].index.tolist() == SPLITS[key][theirs]
        assert splits[name].task is None


def test_tasks_are_drawn_one_after_another() -> None:
    draw = torch.Generator().manual_seed(40)
    orders = [torch.randperm(64, generator=draw) for _ in range(3)]
    splits = load("multi_task_a", train_fraction=0.7).splits
    for name, share in {"train": slice(44), "valid": slice(44, 54), "test": slice(54, 64)}.items():
        assert torch.equal(splits[name].index, torch.cat([order[share] + 64 * t for t, order in enumerate(orders)]))
        assert splits[name].task is not None
        assert splits[name].task.tolist() == [task for task in range(3) for _ in range(64)[share]]


def test_fewer_tasks_are_the_first_ones() -> None:
    every, two, one = load("multi_task_a"), load("multi_task_a", tasks=2), load("multi_task_a", tasks=1)
    assert (two.tasks, len(two.splits["train"])) == (2, 64)
    assert torch.equal(two.splits["train"].index, every.splits["train"].index[:64])
    assert torch.equal(two.splits["train"].targets, every.splits["train"].targets[:64])
    assert one.tasks == 1 and one.splits["train"].task is None
    assert one.structure == load([6, 3, 2, 2]).structure is not None


@pytest.mark.parametrize("graph", [[6, 2], "multi_task_a", "multi_task_b"])
def test_there_is_no_structure_of_a_random_table_and_of_several_tasks(graph: Any) -> None:
    assert load(graph).structure is None


def test_gates_of_ones_own() -> None:
    gates = [["or 0 1 2", "nand 1 3"], ["xor 0 1"]]
    dataset = load(None, gates=gates, inputs=4, train_fraction=0.25)
    assert [len(split) for split in dataset.splits.values()] == [4, 6, 6]
    assert dataset.structure == structure(gates)
    for split in dataset.splits.values():
        x = split.inputs.bool()
        assert torch.equal(split.targets[:, 0].bool(), x[:, :3].any(1) ^ ~(x[:, 1] & x[:, 3]))


def test_all_rows_are_everywhere_where_all_are_trained_on() -> None:
    for split in load("multi_task_b", train_fraction=1).splits.values():
        assert split.index.sort().values.tolist() == list(range(128))


def test_a_seed_has_its_own_splits_where_none_is_given() -> None:
    own = load(split_seed=None)
    assert same(own, load(split_seed=40), 40) and same(own, load(split_seed=41), 41)
    assert not same(own, load(split_seed=40), 41)
    assert torch.equal(own.splits["train"].index, own.splits_of(0)["train"].index)
    assert load(split_seed=40).resplit is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"graph": None}, "dataset.graph is None and dataset.gates None: give one of them"),
        ({"gates": [["xor 0 1"]]}, "dataset.graph is .* and dataset.gates .*: give one of them"),
        ({"graph": [6, 4]}, r"dataset.graph is \[6, 4\]: allowed are \[6, 2\], .*, multi_task_b"),
        ({"graph": []}, r"dataset.graph is \[\]: allowed are"),
        ({"graph": 6}, "dataset.graph is 6: allowed are"),
        ({"graph": "multi_task_c"}, "dataset.graph is multi_task_c: allowed are .* Did you mean 'multi_task_[ab]'"),
        ({"inputs": 8}, "dataset.inputs is 8: every graph has 6"),
        ({"graph": None, "gates": [["xor 0 6"]]}, r"dataset.gates\[0\]\[0\] is 'xor 0 6'"),
        ({"tasks": 2}, "dataset.tasks is 2: allowed are whole numbers from 1 to 1, or null for all"),
        ({"graph": "multi_task_a", "tasks": 0}, "dataset.tasks is 0: .* 1 to 3"),
        ({"graph": "multi_task_a", "tasks": 4}, "dataset.tasks is 4: .* 1 to 3"),
        ({"train_fraction": 0}, "dataset.train_fraction is 0: allowed are numbers above 0, up to 1"),
        ({"train_fraction": 1.1}, "dataset.train_fraction is 1.1"),
        ({"train_fraction": float("nan")}, "dataset.train_fraction is nan"),
        ({"train_fraction": None}, "dataset.train_fraction is None"),
        ({"train_fraction": 0.015}, "of 64, train would have 0, valid 32 and test 32"),
        ({"train_fraction": 0.99}, "of 64, train would have 63, valid 0 and test 1"),
        ({"split_seed": -1}, "dataset.split_seed is -1: allowed are whole numbers from 0 to .*, or null"),
        ({"split_seed": 0.5}, "dataset.split_seed is 0.5"),
    ],
)
def test_a_wrong_value_is_named(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        load(**keys)
    assert "\n" not in str(error.value)


def test_yaml() -> None:
    file = ROOT / "conf/dataset/boolean.yaml"
    lines = [
        line
        for line in file.read_text().split("dataset:\n")[1].split("\n\n")[0].splitlines()
        if re.match(r" +\w+:", line)
    ]
    assert len(lines) == 8 and all("# " in line for line in lines)
    node = OmegaConf.load(file).dataset
    assert same(instantiate(node, root=Path("nowhere")), load(), 0)
    node.merge_with({"graph": None, "gates": [["xor 0 1"]], "inputs": 3})
    assert instantiate(node, root=Path("nowhere")).splits["train"].inputs.shape == (4, 3)
