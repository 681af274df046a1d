"""Pairs of digits against the golden values: draws where there is MNIST, all else with the bundled digits."""

import hashlib
import json
import os
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from published import compare, published

from modrobust.dataset.digits import digits
from modrobust.dataset.idx import read_labels
from modrobust.dataset.pairs import digit_pairs, draw, shuffled_pairs, targets_of
from modrobust.dataset.splits import Split
from modrobust.dataset.structure import StructuredDataset
from modrobust.errors import UserError

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden"
PAIRS = json.loads((GOLDEN / "mnist_pairs.json").read_text())
THEIRS = {"train": "train", "valid": "val", "test_seen": "test1", "test_unseen": "test2"}
SEEN = [tuple(pair) for pair in PAIRS["label_pair_splits"]["train"]]
# How many images MNIST has of the digits 0 to 7.
COUNTS = {
    "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265),
    "t10k": (980, 1135, 1032, 1010, 982, 892, 958, 1028),
}
DEFAULTS = {"digits": 8, "image_size": 28, "train_fraction": 0.8, "split_seed": 40, "mean": 0.0, "std": 1.0}

DATA = Path(os.environ.get("MODROBUST_DATA", "data"))
needs_mnist = pytest.mark.skipif(not (DATA / "MNIST/raw").is_dir(), reason="no MNIST/raw in $MODROBUST_DATA")


def load(source: str = "digits", root: Path = Path("nowhere"), **keys: Any) -> StructuredDataset:
    counts = {"train_per_pair": 10, "valid_per_pair": 5, "test_per_pair": 4}
    return digit_pairs(root, name="pairs", source=source, **{**DEFAULTS, **counts, **keys})


def equal(a: dict[str, Split], b: dict[str, Split]) -> bool:
    return all(torch.equal(a[name].inputs, b[name].inputs) for name in a)


def label_pairs(split: Split, images: torch.Tensor, labels: torch.Tensor) -> list[tuple[int, int]]:
    """What the pairs of a split show, found by their pixels."""
    label = {image.numpy().tobytes(): int(digit) for image, digit in zip(images, labels, strict=True)}
    return [(label[a.numpy().tobytes()], label[b.numpy().tobytes()]) for a, b in split.inputs]


@published
def test_pairs_of_digits_and_their_shares() -> None:
    pairs, golden = shuffled_pairs(8, 40), PAIRS["label_pair_splits"]
    compare("pairs of digits that are seen", [list(pair) for pair in pairs[:51]], golden["train"])
    assert [list(pair) for pair in pairs[:51]] == golden["train"] == golden["test1"]
    assert [list(pair) for pair in pairs[51:57]] == golden["val"]
    assert [list(pair) for pair in pairs[57:]] == golden["test2"]


def test_targets() -> None:
    with np.load(GOLDEN / "tables.npz") as golden:
        expected = golden["mnist_labels_2_2_3_2_2"].reshape(64, 2)
    targets = targets_of(np.indices((8, 8)).reshape(2, 64).T)
    assert targets.dtype == np.float32
    assert np.array_equal(targets, expected)


def test_files_are_named_so_that_a_sweep_notices_others(tmp_path: Path) -> None:
    raw, labels = tmp_path / "MNIST/raw", bytes(range(8)) * 2
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, len(labels)) + labels)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, 16, 2, 2) + bytes(16 * 2 * 2))
    few = {"image_size": 2, "train_per_pair": 1, "valid_per_pair": 1, "test_per_pair": 1}
    assert set(load("MNIST", tmp_path, **few).files or ()) == set(raw.iterdir())
    assert load().files == ()


@pytest.mark.parametrize(("part", "count"), [("train", 100), ("t10k", 25)])
def test_a_draw_is_the_one_from_all_pairs_of_images(part: str, count: int) -> None:
    """The reference samples from the list of all pairs; here with a hundredth of the images of MNIST."""
    from random import Random

    order = np.random.default_rng(0).permutation(sum(n // 100 for n in COUNTS[part]))
    places = [np.sort(where) for where in np.split(order, np.cumsum([n // 100 for n in COUNTS[part]])[:-1])]
    rng = Random(40)
    expected = [pair for a, b in SEEN for pair in rng.sample([(i, j) for i in places[a] for j in places[b]], count)]
    assert draw(SEEN, places, count, 40).tolist() == [list(map(int, pair)) for pair in expected]


@needs_mnist
@pytest.mark.parametrize(("name", "count"), [*((name, 100) for name in THEIRS), ("train", 1000)])
def test_draws_from_mnist(name: str, count: int) -> None:
    part = "t10k" if name.startswith("test") else "train"
    labels = read_labels(DATA / f"MNIST/raw/{part}-labels-idx1-ubyte", 10)
    places = [np.flatnonzero(labels == digit) for digit in range(8)]
    assert tuple(map(len, places)) == COUNTS[part]
    pairs = [tuple(pair) for pair in PAIRS["label_pair_splits"][THEIRS[name]]]
    drawn = draw(pairs, places, count, 40).tolist()
    at_100 = PAIRS["first20_selected_index_pairs"][THEIRS[name]], PAIRS["sha256_of_json_dumps_all_pairs"][THEIRS[name]]
    first, digest = at_100 if count == 100 else (PAIRS["train_1000"]["first20"], PAIRS["train_1000"]["sha256"])
    assert drawn[:20] == first
    assert hashlib.sha256(json.dumps(drawn).encode()).hexdigest() == digest


@needs_mnist
def test_mnist_pairs_are_those_images() -> None:
    splits = load("MNIST", DATA, train_per_pair=100, valid_per_pair=100, test_per_pair=100).splits
    for name, theirs in THEIRS.items():
        part = "t10k" if name.startswith("test") else "train"
        images = np.fromfile(DATA / f"MNIST/raw/{part}-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 28, 28)
        assert len(splits[name]) == PAIRS["lengths"][theirs]
        assert np.array_equal(splits[name].inputs[:20], images[PAIRS["first20_selected_index_pairs"][theirs]])


def test_splits_of_the_bundled_digits() -> None:
    dataset = load()
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 510,
        "valid": 30,
        "test_seen": 204,
        "test_unseen": 28,
    }
    half = (0.5, 0.5, 0.5)
    source = digits(Path("nowhere"), name="digits", num_classes=10, image_size=28, mean=half, std=half).splits
    order = torch.cat([source["train"].index, source["valid"].index]).argsort()
    images, labels = (
        torch.cat([getattr(source[name], key) for name in ("train", "valid")])[order] for key in ("inputs", "targets")
    )
    training, testing = (images[:, 0], labels), (source["test"].inputs[:, 0], source["test"].targets)
    counts = {"train": 10, "valid": 5, "test_seen": 4, "test_unseen": 4}
    for name, split in dataset.splits.items():
        images, labels = testing if name.startswith("test") else training
        shown = label_pairs(split, images, labels)
        wanted = [tuple(pair) for pair in PAIRS["label_pair_splits"][THEIRS[name]]]
        assert shown == [pair for pair in wanted for _ in range(counts[name])]
        places = [np.flatnonzero(labels == digit) for digit in range(8)]
        assert torch.equal(split.inputs, images[torch.from_numpy(draw(wanted, places, counts[name], 40))])
        assert np.array_equal(split.targets, targets_of(np.array(shown)))
        assert split.inputs.dtype == torch.uint8 and split.inputs.shape == (len(split), 2, 28, 28)
        assert split.targets.dtype == torch.float32
        assert torch.equal(split.index, torch.arange(len(split)))


def test_a_split_has_no_pair_of_images_twice() -> None:
    train = load(train_per_pair=200).splits["train"]
    assert len({pair.numpy().tobytes() for pair in train.inputs}) == len(train) == 51 * 200


def test_all_pairs_of_digits_are_everywhere_where_all_are_trained_on() -> None:
    splits = load(train_fraction=1, digits=3).splits
    assert [len(split) for split in splits.values()] == [90, 45, 36, 36]
    assert torch.equal(splits["test_seen"].inputs, splits["test_unseen"].inputs)


def test_a_seed_has_its_own_splits_where_none_is_given() -> None:
    own, fixed = load(split_seed=None), load(split_seed=41)
    assert equal(own.splits_of(41), fixed.splits) and equal(own.splits, own.splits_of(0))
    assert not equal(own.splits, fixed.splits)
    assert fixed.resplit is None


@published
def test_structure_is_the_routing_of_the_reference() -> None:
    found = load().structure
    assert found is not None
    golden = json.loads((GOLDEN / "routing.json").read_text())["mnist[2, 2, 3, 2, 2]"]
    inputs = [[list(places) for places in layer] for layer in found.inputs]
    compare("routing of pairs of digits", [*inputs, [list(found.outputs)]], golden["module_input_indices"])
    assert [*inputs, [list(found.outputs)]] == golden["module_input_indices"]
    theirs = golden["slot_module_indices_shared_modules"]
    assert [list(layer) for layer in found.functions] == theirs
    assert found.image_outputs == 3


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"source": "mnist"}, r"dataset.source is mnist: allowed are MNIST, digits."),
        ({"source": "digit"}, r"dataset.source is digit: .* Did you mean 'digits'\?"),
        ({"digits": 9}, "dataset.digits is 9: allowed are whole numbers from 2 to 8"),
        ({"digits": 2.0}, "dataset.digits is 2.0"),
        ({"train_fraction": 0.99}, "dataset.train_fraction is 0.99: of 64, train would have 63, valid 0 and test 1"),
        ({"split_seed": -1}, "dataset.split_seed is -1"),
        ({"train_per_pair": 0}, "dataset.train_per_pair is 0: allowed are whole numbers from 1 to "),
        ({"valid_per_pair": 10**6}, "dataset.valid_per_pair is 1000000: allowed are whole numbers from 1 to 21904"),
        ({"test_per_pair": 10**6}, "dataset.test_per_pair is 1000000: allowed are whole numbers from 1 to 841"),
        ({"std": 0}, "dataset.std is 0: allowed are numbers above 0"),
    ],
)
def test_a_wrong_value_is_named(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        load(**keys)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "per_pair"), [("mnist_pairs", 1000), ("digit_pairs", 100)])
def test_yaml(name: str, per_pair: int) -> None:
    file = ROOT / f"conf/dataset/{name}.yaml"
    lines = [
        line
        for line in file.read_text().split("dataset:\n")[1].split("\n\n")[0].splitlines()
        if re.match(r" +\w+:", line)
    ]
    assert len(lines) == 12 and all("# " in line for line in lines)
    node = OmegaConf.load(file).dataset
    assert (node.name, node.train_per_pair) == (name, per_pair)
    node.source = "digits"
    node.train_per_pair = 10
    dataset = instantiate(node, root=Path("nowhere"))
    assert equal(dataset.splits, load(valid_per_pair=100, test_per_pair=100).splits)
