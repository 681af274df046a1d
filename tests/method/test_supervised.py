"""Supervised training on Boolean functions: replicas, curves, results, every option, what is refused."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from composed import composed
from numpy.typing import NDArray
from test_resumption import interrupt_after

from modrobust import interrupt
from modrobust.config.explain import explain
from modrobust.config.identity import fingerprint, identity
from modrobust.run import evaluations_of, work
from modrobust.store.run_folder import RunFolder

GROUPS = ("dataset", "model", "method", "corruption", "training/optimizer", "training/schedule")
ROUTING = ("method.gumbel=true", "method.per_sample_routing=true", "method.tau=1")

Runs = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path) -> Runs:
    """Does what `modrobust dataset=boolean <overrides>` does, in this process; the run's folder."""

    def run(*overrides: str, outputs: str = "outputs") -> Path:
        chosen = [one for one in overrides if one.partition("=")[0] in GROUPS]
        if not any(one.startswith("dataset=") for one in chosen):
            chosen.append("dataset=boolean")
        cfg = deepcopy(composed(*chosen))
        values = [one for one in overrides if one not in chosen]
        cfg.merge_with_dotlist(["threads=1", "device=cpu", f"paths.outputs={tmp_path / outputs}", *values])
        record = RunFolder(tmp_path / outputs / "runs" / fingerprint(identity(cfg)), cfg)
        with record:
            work(cfg, record, evaluations_of(cfg))
        return record.folder

    return run


def curves(folder: Path) -> dict[str, NDArray[Any]]:
    with np.load(folder / "curves.npz") as content:
        return dict(content)


def results(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "results.csv")


# Replicas

NOISE = "corruption=input_noise"
REPLICATED = {
    "mlp": ("training.epochs=50", NOISE),
    "mlp in batches": ("training.epochs=25", "training.batch_size=8", NOISE),
    "mlp, pruned, own splits": ("training.epochs=50", "model.pruning=50", "dataset.split_seed=null"),
    "modular": ("model=modular", "training.epochs=50", NOISE, *ROUTING),
    "modular in batches": ("model=modular", "training.epochs=25", "training.batch_size=8", *ROUTING),
    "modular, own splits in batches": (
        *("model=modular", "training.epochs=25", "training.batch_size=12", "dataset.split_seed=null"),
        *("method.gumbel=true", NOISE),
    ),
    "modular of many": ("model=modular", "training.epochs=50", "model.num_modules=[6,6]", "model.top_k=4"),
    "shared_modular": ("model=shared_modular", "training.epochs=50", "corruption=none", *ROUTING),
    "shared_modular in batches": (
        *("model=shared_modular", "training.epochs=25", "training.batch_size=8", "dataset.split_seed=null"),
        *(NOISE, "method.gumbel=true"),
    ),
    "one module in two slots": (
        "model=shared_modular",
        "training.epochs=25",
        "dataset.graph=[6,2,2]",
        "dataset.train_fraction=0.7",
    ),
    "batches of one row": ("training.epochs=10", "training.batch_size=31"),
    "one output": (
        *("model=modular", "training.epochs=25", "dataset.graph=null", "dataset.gates=[[xor 0 1,xor 2 3],[and 0 1]]"),
        *("model.top_k=1", NOISE),
    ),
    "tasks": (
        *("model=modular", "training.epochs=25", "dataset.graph=multi_task_a", "model.outputs_from=all"),
        *("training.batch_size=16", "dataset.train_fraction=0.7", NOISE, *ROUTING),
    ),
    "tasks, own splits": ("training.epochs=25", "dataset.graph=multi_task_b", "dataset.split_seed=null", NOISE),
}


@pytest.mark.parametrize("case", REPLICATED)
def test_a_replica_is_the_run_of_its_seed_to_the_bit(run: Runs, case: str) -> None:
    settings = REPLICATED[case]
    together = run("seed=4", "replicas=3", *settings)
    for k in (1, 2) if case == "mlp" else (1,):
        alone = run(f"seed={4 + k}", *settings)
        found, expected = curves(together), curves(alone)
        assert found.keys() == expected.keys() and found["seeds"].tolist() == [4, 5, 6]
        for name, values in found.items():
            np.testing.assert_array_equal(values[..., k : k + 1], expected[name])
        table = results(together)
        same = table[table["seed"] == 4 + k].reset_index(drop=True)
        pd.testing.assert_frame_equal(same, results(alone), check_exact=True)
        for name in ("routing.csv", "found.csv"):
            assert (together / name).exists() == (alone / name).exists()
            if (alone / name).exists():
                rows = pd.read_csv(together / name).query(f"seed == {4 + k}").reset_index(drop=True)
                pd.testing.assert_frame_equal(rows, pd.read_csv(alone / name))
    assert len({tuple(column) for column in found["valid_loss"].T}) == 3


@pytest.mark.parametrize(
    "settings", [("training.epochs=9",), ("training.epochs=5", "training.batch_size=8", "method.routing_until=0.5")]
)
def test_interrupted_again_and_again(run: Runs, monkeypatch: pytest.MonkeyPatch, settings: tuple[str, ...]) -> None:
    settings = ("replicas=2", "model=modular", "training/schedule=cosine", NOISE, *ROUTING, *settings)
    asked = interrupt_after(10**9, monkeypatch)
    undisturbed = run(*settings)
    calls, interruptions = asked(), 0
    assert calls >= 9
    while True:
        interrupt_after(3, monkeypatch)
        try:
            again = run(*settings, outputs="again")
            break
        except interrupt.Interrupted:
            interruptions += 1
        assert interruptions < 20
    assert interruptions >= 3
    found, expected = curves(again), curves(undisturbed)
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])
    for name in ("results.csv", "routing.csv", "found.csv"):
        assert (again / name).read_bytes() == (undisturbed / name).read_bytes()


# What a run leaves


def test_results_have_a_row_for_each_seed_and_split(run: Runs) -> None:
    folder = run("seed=7", "replicas=2", "training.epochs=3", "dataset.train_fraction=0.7")
    table = results(folder)
    assert [*zip(table["split"], table["seed"], table["n_images"], strict=True)] == [
        *[("train", 7, 44), ("train", 8, 44), ("valid", 7, 10), ("valid", 8, 10), ("test", 7, 10), ("test", 8, 10)]
    ]
    assert set(table["composition"]) == {"Identity"} and set(table["method"]) == {"supervised"}
    last = {name: values[-1] for name, values in curves(folder).items() if name != "seeds"}
    for split in ("valid", "test"):
        rows = table[table["split"] == split]
        np.testing.assert_allclose(rows["loss"], last[f"{split}_loss"], rtol=1e-6)
        np.testing.assert_allclose(rows["accuracy"] / 100, last[f"{split}_accuracy"], rtol=1e-6)
    with np.load(folder / "predictions.npz") as predictions:
        right = (predictions["test/logits"] > 0) == predictions["test/targets"]
        assert right.shape == (2, 10, 2) and predictions["test/targets"].shape == (1, 10, 2)
    np.testing.assert_allclose(right.mean((1, 2)) * 100, table[table["split"] == "test"]["accuracy"])


def test_results_of_one_split(run: Runs) -> None:
    assert set(results(run("training.epochs=1", "evaluation.split=valid"))["split"]) == {"valid"}


def test_curves_have_all_epochs_splits_and_replicas(run: Runs) -> None:
    found = curves(run("replicas=3", "training.epochs=4", "training.batch_size=5"))
    names = [f"{split}_{what}" for split in ("train", "valid", "test") for what in ("loss", "accuracy")]
    assert sorted(found) == sorted([*names, "seeds"])
    assert all(found[name].shape == (4, 3) and np.isfinite(found[name]).all() for name in names)


def test_training_curve_is_the_mean_over_the_rows_of_an_epoch(run: Runs) -> None:
    """Without a change of the weights, it is the loss on the split, whatever the batches."""
    still = ("training.epochs=2", "corruption=none", "training/optimizer=sgd", "method.lr.dense=0")
    for size in (5, 64):
        folder = run(*still, f"training.batch_size={size}")
        table, found = results(folder), curves(folder)
        train = table[table["split"] == "train"].iloc[0]
        np.testing.assert_allclose(found["train_loss"][:, 0], train["loss"], rtol=1e-6)
        np.testing.assert_allclose(found["train_accuracy"][:, 0] * 100, train["accuracy"], rtol=1e-6)


def test_every_replica_has_splits_of_its_own_where_asked(run: Runs) -> None:
    with np.load(run("replicas=2", "training.epochs=1", "dataset.split_seed=null") / "predictions.npz") as content:
        targets = content["test/targets"]
    assert targets.shape == (2, 16, 2) and (targets[0] != targets[1]).any()


def test_tables_of_parameters_and_routing(run: Runs) -> None:
    folder = run("model=shared_modular", "replicas=2", "training.epochs=1")
    assert pd.read_csv(folder / "parameters.csv").to_dict("records") == [{"trained": 134, "all": 134}]
    routing = pd.read_csv(folder / "routing.csv")
    assert len(routing) == 2 * (3 + 2 + 1) and routing["learned"].all()
    found = pd.read_csv(folder / "found.csv")
    assert found["seed"].tolist() == [0, 1] and set(found["slots_true"]) == {5}
    folder = run("model=shared_modular_known", "training.epochs=1")
    assert pd.read_csv(folder / "parameters.csv").to_dict("records") == [{"trained": 98, "all": 134}]
    assert not (folder / "found.csv").exists()
    assert not (run("training.epochs=1") / "routing.csv").exists()


# Learning


def test_known_structure_is_learned_perfectly(run: Runs) -> None:
    table = results(run("model=modular_known", "replicas=3", "training.epochs=200", "corruption=none"))
    assert table.groupby("split")["accuracy"].mean().min() > 95


@pytest.mark.parametrize(
    "settings",
    [
        *[("method.loss=mse",), ("method.loss=cross_entropy", "training/optimizer=adam")],
        *[
            ("training/optimizer=sgd", "method.lr.dense=0.5"),
            ("training/optimizer=nesterov", "method.lr.dense=0.1", "training.epochs=200"),
        ],
        ("training/optimizer=rmsprop", "method.lr.dense=0.01", "training/schedule=cosine"),
        ("training/schedule=exponential", "training.schedule.gamma=0.99"),
    ],
)
def test_losses_optimisers_and_schedules_learn(run: Runs, settings: tuple[str, ...]) -> None:
    cool = () if "method.lr.dense" in "".join(settings) else ("method.lr.dense=0.02",)
    found = curves(run("replicas=2", "training.epochs=80", "corruption=none", *settings, *cool))
    assert (found["train_loss"][-1] < 0.85 * found["train_loss"][0]).all()


@pytest.mark.parametrize(
    ("settings", "first", "last"),
    [
        (("training/schedule=cosine",), 0.1, 0.1 * (1 + np.cos(np.pi * 0.75)) / 2),
        (("training.schedule.gamma=0.5",), 0.1, 0.1 / 8),
        (("training/schedule=exponential",), 0.1, 0.1),
    ],
)
def test_the_schedule_is_that_asked_for(run: Runs, settings: tuple[str, ...], first: float, last: float) -> None:
    rows = pd.read_json(run("training.epochs=4", *settings) / "metrics.jsonl", lines=True)
    assert rows["lr"].iloc[[0, -1]].tolist() == pytest.approx([first, last])


def test_groups_have_learning_rates_and_decays_of_their_own(run: Runs) -> None:
    """A group that does not learn stays as it was: the routing drawn first."""
    settings = ("model=shared_modular", "replicas=2", "method.gumbel=true")
    moving = ("method.lr.inputs=5", "method.lr.locations=5", "method.lr.modules=0")
    drawn = pd.read_csv(run(*settings, "training.epochs=1", *moving, "method.lr.inputs=0") / "routing.csv")
    still = run(*settings, "training.epochs=10", "method.lr.inputs=0", "method.lr.locations=0")
    after = pd.read_csv(still / "routing.csv")
    assert after["inputs"].tolist() == drawn["inputs"].tolist()
    moved = pd.read_csv(run(*settings, "training.epochs=10", *moving) / "routing.csv")
    assert moved["inputs"].tolist() != drawn["inputs"].tolist()
    assert moved["module"].tolist() != after["module"].tolist()


def test_routing_stays_and_modules_go_on_after_its_share_of_the_epochs(run: Runs) -> None:
    moving = ("method.lr.inputs=5", "method.lr.locations=5", "method.gumbel=true")
    settings = ("model=shared_modular", "replicas=2", "training.epochs=6", "method.routing_every=1", *moving)
    found = {}
    for until in ("1", "0.5"):
        folder = run(*settings, f"method.routing_until={until}")
        with np.load(folder / "routing.npz") as content:
            routing = np.concatenate([content[layer].reshape(6, -1) for layer in ("0", "1", "outputs")], 1)
        found[until] = routing, curves(folder)["train_loss"]
    (free, losses), (kept, after) = found.values()
    np.testing.assert_array_equal(kept[:3], free[:3])
    np.testing.assert_array_equal(after[:4], losses[:4])  # an epoch's is from before its step
    assert (kept[3:] == kept[2]).all() and (free[3:] != free[2]).any()
    assert (np.diff(after[3:], axis=0) != 0).all()


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        (("dataset.graph=multi_task_a",), 36 * (6 + 3) + 36 + 2 * (36 * 36 + 36) + 74),
        (("dataset.graph=multi_task_a", "model.task_input=number"), 36 * (6 + 1) + 36 + 2 * (36 * 36 + 36) + 74),
        (
            ("dataset.graph=multi_task_a", "model=modular", "model.outputs_from=all"),
            49 * (6 + 4) + 3 * (6 * 6 + 6 * 4 + 10),
        ),
        (("dataset.graph=multi_task_b", "model=shared_modular"), 49 * 3 + 2 * (6 * 6 + 6 * 4 + 4 + 3 * (6 + 4))),
        (("dataset.graph=[6,2]", "model=modular"), 271),
        (
            ("dataset.gates=[[xor 0 1,xor 2 3],[and 0 1]]", "dataset.graph=null", "dataset.inputs=4", "model=modular"),
            158,
        ),
    ],
)
def test_other_tasks(run: Runs, settings: tuple[str, ...], parameters: int) -> None:
    folder = run("training.epochs=2", "replicas=2", *settings)
    assert pd.read_csv(folder / "parameters.csv")["trained"].tolist() == [parameters]
    assert np.isfinite(results(folder)["loss"]).all()


# What is refused

REFUSED = {
    "model=modular_known method.gumbel=true": "method.gumbel=true: the network learns no selection that could be "
    "noisy.",
    "model=mlp method.gumbel=true": "method.gumbel=true: the network learns no selection that could be noisy.",
    "model=modular_known method.routing_until=0.5": "method.routing_until=0.5: the network learns no selection.",
    "model=modular method.per_sample_routing=true": "method.per_sample_routing=true: it is the noise that differs; set "
    "method.gumbel=true, too.",
    "model=modular_known dataset.graph=[6,2]": "model.known_inputs=true: there is nothing to know of dataset boolean: "
    "a random table has no structure.",
    "model=modular_known dataset.graph=multi_task_a": "model.known_inputs=true: there is nothing to know of dataset "
    "boolean: several tasks have several structures.",
    "method=cross_entropy": "dataset=boolean has no images with classes: it goes with method=supervised.",
    "method=modules": "dataset=boolean has no images with classes: it goes with method=supervised.",
    "dataset=digits method=supervised": "dataset=digits has classes: method=supervised is for boolean, mnist_pairs and "
    "digit_pairs.",
    "dataset=digits method=supervised model=mlp": "dataset=digits has classes: method=supervised is for boolean, "
    "mnist_pairs and digit_pairs.",
    "model=small_cnn": "the dataset has no 'num_classes', which model.num_classes needs: this model is for others.",
    "model=cnn": "model=cnn is for one task on images; dataset=boolean goes with model=mlp.",
    "dataset=digits model=mlp": "model: dataset=digits goes with a classifier of images, such as small_cnn.",
    "corruption=six": "dataset=boolean: choose corruption=input_noise or none; others need images.",
    "dataset=digits replicas=2": "replicas=2: only method=supervised trains several; use -m seed=0,1,...",
    "method.loss=hinge": "method.loss=hinge: allowed are bce, mse, cross_entropy.",
    "method.tau=0": "method.tau=0: a number above 0 is needed.",
    "evaluation.split=test_seen": "evaluation.split=test_seen: boolean has the splits train, valid, test, all.",
}


@pytest.mark.parametrize("overrides", REFUSED)
def test_refused_in_one_line_before_anything_is_trained(run: Runs, tmp_path: Path, overrides: str) -> None:
    with pytest.raises(Exception) as error:
        run("training.epochs=1", *overrides.split())
    assert explain(error.value, overrides.split()) == REFUSED[overrides]
    assert not list(tmp_path.rglob("parts/**/*.*"))


def test_divergence_is_told(run: Runs) -> None:
    settings = ("training/optimizer=sgd", "method.lr.dense=1e30", "training.epochs=9", "replicas=2")
    with pytest.raises(Exception, match="loss is nan") as error:
        run(*settings)
    assert (explain(error.value, []) or "").endswith("a smaller learning rate may help.")
