"""Every YAML file: composed, resolved, importable, commented; what a choice brings with it; what names a run."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from composed import composed
from hydra.core.plugins import Plugins
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError

from modrobust.config.identity import MOVED, fingerprint, identity, plain, run_folder, training_identity, unnamed
from modrobust.config.options import CONF, options
from modrobust.corruption.choice import parse_shard
from modrobust.corruption.common import PUBLISHED
from modrobust.errors import UserError

FILES = sorted(CONF.rglob("*.yaml"))
IN_DEFAULTS = (
    "evaluation",
    *("dataset", "corruption", "method", "model", "task", "experiment", "search", "logger"),
    *("training/optimizer", "training/schedule"),
)
OF_BITS = ("boolean", "digit_pairs", "mnist_pairs")  # datasets that go with method=supervised; others with the others
OF_CLASSES = [
    *itertools.product(sorted({*options("dataset")} - {*OF_BITS}), sorted({*options("method")} - {"supervised"}))
]

HASHES = json.loads((Path(__file__).parents[1] / "golden/hashes.json").read_text(encoding="utf-8"))


def resolved(*overrides: str) -> Any:
    return OmegaConf.to_container(composed(*overrides), resolve=True, throw_on_missing=True)


def name(path: Path) -> str:
    return str(path.relative_to(CONF).with_suffix(""))


# Composition


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_file_is_composed_and_resolved(path: Path) -> None:
    group, _, option = name(path).rpartition("/")
    if group == "":
        assert resolved()["seed"] == 0
    elif group == "recipe":
        choices = [(d, m) for d in options("dataset") for m in options("method") if f"{d}_{m}" == option]
        assert len(choices) == 1, f"{option} is not <dataset>_<method>: nothing finds it"
        used = composed(f"dataset={choices[0][0]}", f"method={choices[0][1]}")
        assert dict(leaves(OmegaConf.load(path))).items() <= dict(leaves(used)).items()
    elif group.startswith("hydra/"):
        resolved(f"{group}={option}")
    elif group == "search/steps":
        assert resolved("search=grid", f"{group}={option}")["search"]["steps"] == OmegaConf.to_container(
            OmegaConf.load(path)
        )
    else:
        resolved(f"{group}={option}" if group in IN_DEFAULTS else f"+{group}={option}")


@pytest.mark.parametrize(("dataset", "method"), OF_CLASSES)
def test_every_method_goes_with_every_dataset_of_classes(dataset: str, method: str) -> None:
    cfg = resolved(f"dataset={dataset}", f"method={method}")
    name = {"image_folder": "photos", "torchvision": "SVHN", "huggingface": "images.parquet"}.get(dataset, dataset)
    assert (cfg["dataset"]["name"], cfg["method"]["name"]) == (name, method)
    assert (cfg["model"]["num_classes"], cfg["model"]["image_size"]) == (
        cfg["dataset"]["num_classes"],
        cfg["dataset"]["image_size"],
    )


@pytest.mark.parametrize(("dataset", "model"), [*itertools.product(OF_BITS, options("model"))])
def test_a_dataset_of_bits_brings_method_optimiser_and_schedule(dataset: str, model: str) -> None:
    cfg = composed(f"dataset={dataset}", f"model={model}")
    assert (cfg.dataset.name, cfg.method.name) == (dataset, "supervised")
    assert cfg.model.name == cfg.model.get("arch", model)
    if "num_classes" in cfg.model:
        with pytest.raises(InterpolationKeyError, match="num_classes"):
            resolved(f"dataset={dataset}", f"model={model}")
        return
    assert cfg == composed(f"dataset={dataset}", f"model={model}", "method=supervised")
    plain = resolved(f"dataset={dataset}", f"model={model}")
    assert plain["training"]["optimizer"]["_target_"] == "torch.optim.Adam"
    assert plain["training"]["schedule"]["_target_"] == "torch.optim.lr_scheduler.ExponentialLR"
    assert plain["corruption"]["names"] == []


def test_published_settings_of_supervised_training() -> None:
    boolean, pairs = composed("dataset=boolean"), composed("dataset=mnist_pairs")
    rates = {"dense": 0.1, "modules": 0.01, "inputs": 0.1, "locations": 0.1}
    assert (boolean.method.lr, boolean.method.tau, boolean.corruption.input_noise) == (rates, 2, 0.1)
    assert set(boolean.method.weight_decay.values()) == {1e-3}
    assert (boolean.training.epochs, boolean.training.batch_size) == (1000, 64)
    rates = {"dense": 1e-3, "modules": 0.01, "inputs": 0.01, "locations": 0.01}
    assert (pairs.method.lr, pairs.method.tau, pairs.corruption.get("input_noise", 0)) == (rates, 0.5, 0)
    assert pairs.method.weight_decay == {"dense": 1e-3, "modules": 1e-4, "inputs": 1e-4, "locations": 1e-4}
    assert (pairs.training.epochs, pairs.training.batch_size) == (200, 128)


@pytest.mark.parametrize(
    ("dataset", "model", "lr", "epochs"),
    [
        ("digits", "small_cnn", 0.1, 15),
        ("emnist", "emnist_cnn", 0.01, 200),
        ("cifar10", "resnet18", 0.1, 200),
        ("facescrub", "inception_v3", 0.1, 200),
    ],
)
def test_a_dataset_brings_its_model_and_its_recipe(dataset: str, model: str, lr: float, epochs: int) -> None:
    cfg = composed(f"dataset={dataset}")
    assert cfg == composed(f"dataset={dataset}", "method=cross_entropy")
    assert (cfg.model.name, cfg.method.name) == (model, "cross_entropy")
    assert (cfg.method.lr, cfg.training.epochs, cfg.training.schedule.T_max) == (lr, epochs, epochs)


def test_the_command_line_beats_recipe_and_dataset() -> None:
    cfg = composed("method.lr=0.3", "training.epochs=7", "model=small_cnn", "dataset=cifar10")
    assert (cfg.method.lr, cfg.training.epochs, cfg.model.name) == (0.3, 7, "small_cnn")


def test_a_dataset_of_the_user_needs_no_recipe_and_can_have_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf/dataset").mkdir(parents=True)
    text = "# @package _global_\ndataset: {name: mine, num_classes: 3, image_size: 16}\n"
    (tmp_path / "conf/dataset/mine.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    own = OmegaConf.load(CONF / "method/cross_entropy.yaml")
    cfg = composed.__wrapped__("dataset=mine")
    assert (cfg.method.lr, cfg.model.num_classes, cfg.training.epochs) == (own.lr, 3, 200)
    (tmp_path / "conf/recipe").mkdir()
    (tmp_path / "conf/recipe/mine_cross_entropy.yaml").write_text("# @package _global_\nmethod: {lr: 0.7}\n")
    assert composed.__wrapped__("dataset=mine").method.lr == 0.7


def test_the_search_path_plugin_is_found() -> None:
    assert "CurrentFolder" in {plugin.__name__ for plugin in Plugins.instance().discover()}


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys with dots, and values that are no nodes, unresolved."""
    for key, value in OmegaConf.to_container(node).items() if OmegaConf.is_config(node) else node.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        elif key != "defaults":
            yield f"{prefix}{key}", str(value)


# Files


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_target_can_be_imported(path: Path) -> None:
    for key, target in leaves(OmegaConf.load(path)):
        if key.split(".")[-1] == "_target_":
            assert callable(get_object(target)), key


KEY = re.compile(r"( *)(\w+):")
OF_HYDRA = ("defaults", "_target_", "_partial_", "_convert_", "_recursive_", "hydra")


def uncommented(path: Path) -> Iterator[str]:
    """Keys without a comment on their line, in the line above, or at the key they are below."""
    above: list[tuple[int, str, bool]] = []  # indentation, name and whether it has a comment, of the keys around
    lines = ["", *path.read_text(encoding="utf-8").splitlines()]
    for previous, line in itertools.pairwise(lines):
        if match := KEY.match(line):
            depth = len(match[1])
            above = [key for key in above if key[0] < depth]
            inherited = bool(above) and above[-1][2]
            commented = " # " in line or previous.strip().startswith("# ") or inherited
            above.append((depth, match[2], commented))
            holds_keys = line.partition("#")[0].rstrip().endswith(":")
            if not commented and not holds_keys and not {above[0][1], match[2]} & set(OF_HYDRA):
                yield ".".join(key[1] for key in above)


def full(path: Path, key: str) -> str:
    """A key of a file as it is called in the configuration."""
    group = path.relative_to(CONF).parent
    is_global = group == Path() or "@package _global_" in path.read_text(encoding="utf-8")
    return key if is_global else f"{'.'.join(group.parts)}.{key}"


@pytest.mark.parametrize("path", [p for p in FILES if "hydra" not in p.parts], ids=name)
def test_every_key_has_a_comment(path: Path) -> None:
    """One where it is first given is enough: a recipe or experiment only gives it another value."""
    changes = path.parent.name in ("recipe", "experiment")
    elsewhere = dict(leaves(composed())) if changes else {}
    assert path.read_text(encoding="utf-8").startswith("#")
    assert [key for key in uncommented(path) if full(path, key) not in elsewhere] == []


def test_a_key_without_a_comment_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text("# Some.\n\na: 1\nb: 2  # two\n# of c\nc:\n  d: 3\n_target_: x\ne:\n  f: 1\n  # of g\n  g: 2\n")
    assert list(uncommented(file)) == ["a", "e.f"]


# What names a run


def folder(*overrides: str) -> str:
    return run_folder(composed(*overrides))


def test_what_has_no_effect_does_not_name_a_run() -> None:
    name = folder()
    assert re.fullmatch(r"digits/cross_entropy-small_cnn/seed0-[0-9a-f]{10}", name)
    assert folder("paths.data=/d", "paths.outputs=/o", "device=cuda:1", "checkpoint_seconds=5") == name
    assert folder("hydra.job.name=other", "vis=true", "training.epochs=15", "method.lr=1e-1", "dataset=digits") == name


@pytest.mark.parametrize(
    "override",
    [
        *("seed=1", "threads=1", "training.epochs=21", "method.lr=0.06", "corruption.seed=1", "dataset.n_test=9"),
        *("corruption.elemental.Contrast.severity=3", "evaluation.split=valid", "training.optimizer.momentum=0.8"),
    ],
)
def test_what_has_an_effect_names_a_run(override: str) -> None:
    assert folder(override) != folder()


def test_a_value_that_once_computed_something_else_names_another_run() -> None:
    """Runs and parts of `pass_through=false` that were finished when only one half was classified are not found."""
    cfg = composed("method=modules", "method.pass_through=false")
    assert identity(cfg)["method"]["pass_through"] == "both halves classified"
    assert identity(composed("method=modules"))["method"]["pass_through"] is True
    assert not run_folder(cfg).endswith(fingerprint({**identity(cfg), "method": plain(cfg.method)}))


@pytest.mark.parametrize(("overrides", "known"), HASHES.items(), ids=HASHES)
def test_what_was_finished_long_ago_is_still_found(overrides: str, known: dict[str, str]) -> None:
    """Hashes that the code gave before evaluation became a group; a change would train everything anew."""
    cfg = composed(*overrides.split())
    assert {"run": run_folder(cfg), "parts": fingerprint(training_identity(cfg))} == known


@pytest.mark.parametrize("dataset", ["cifar10", "emnist"])
def test_the_published_split_is_another_run(dataset: str) -> None:
    """What was finished with validation images of another choice is not taken for it, and still has its name."""
    new, old = composed(f"dataset={dataset}"), composed(f"dataset={dataset}", "dataset.published_split=false")
    assert run_folder(new) != run_folder(old)
    assert fingerprint(training_identity(new)) != fingerprint(training_identity(old))
    assert "published_split" not in identity(old)["dataset"]


def test_a_function_can_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = composed("corruption.elemental.Contrast._target_=modrobust.elsewhere.contrast")
    assert identity(moved) != identity(composed())
    monkeypatch.setitem(MOVED, "modrobust.elsewhere.contrast", "modrobust.corruption.contrast.contrast")
    assert identity(moved) == identity(composed())


def test_shards_lie_in_the_folder_of_the_whole() -> None:
    assert folder("evaluation.shard=2/8") == f"{folder()}/shard-2of8"
    assert folder("evaluation.shard=1/1") == folder()


def test_a_task_has_a_folder_of_its_own_and_changes_no_part() -> None:
    cfg = composed("task=statistics")
    assert re.fullmatch(rf"{folder()}/statistics-[0-9a-f]{{10}}", run_folder(cfg))
    assert folder("task=statistics", "task.split=test") != folder("task=statistics")
    assert identity(cfg) == identity(composed())
    assert folder("task=statistics", "vis=true") == folder("task=statistics")


def test_a_logger_changes_no_folder() -> None:
    assert folder("logger=tensorboard") == folder("logger=wandb", "logger.project=other") == folder()


def test_identity_is_plain_and_leaves_the_configuration_as_it_is() -> None:
    cfg = composed()
    before = OmegaConf.to_yaml(cfg)
    content = identity(cfg)
    assert content["training"]["schedule"]["T_max"] == cfg.training.epochs
    assert "shard" not in content["evaluation"] and not {"hydra", "paths", "device"} & set(content)
    assert OmegaConf.to_yaml(cfg) == before


def test_parse_shard() -> None:
    assert (parse_shard("1/1"), parse_shard("2/8")) == ((1, 1), (2, 8))
    for text in ("0/8", "9/8", "2", "2/8/3", "-1/8", "2/0", "a/b", ""):
        with pytest.raises(UserError, match=f"^evaluation.shard={text} is not a share: "):
            parse_shard(text)


def test_unnamed() -> None:
    cfg = DictConfig({"model": {"name": "x", "width": "${size}"}, "size": 3})
    assert unnamed(cfg.model) == {"width": 3}
    assert cfg.model.name == "x"


@pytest.mark.parametrize("value, folder", [("", "data"), ("/elsewhere", "/elsewhere")])
def test_an_empty_folder_of_data_is_as_none(monkeypatch: pytest.MonkeyPatch, value: str, folder: str) -> None:
    monkeypatch.setenv("MODROBUST_DATA", value)
    assert composed().paths.data == folder


def test_sets_of_corruptions_are_composed() -> None:
    six = resolved()["corruption"]["names"]
    common = resolved("corruption=common")["corruption"]
    assert common["names"] == [name for one in ("noise", "blur", "weather", "digital") for name in of_set(one)]
    assert sorted(common["names"]) == sorted(PUBLISHED)
    assert resolved("corruption=[six,weather]")["corruption"]["names"] == [*six, *of_set("weather")]
    assert resolved("corruption=[weather,six]")["corruption"]["names"] == [*of_set("weather"), *six]
    stronger = resolved("corruption=common", "corruption.severity=5", "corruption.table=32")["corruption"]
    assert {one["severity"] for one in stronger["elemental"].values()} == {5}
    assert {one["table"] for one in stronger["elemental"].values()} == {32}
    assert len(instantiate(composed("corruption=common").corruption).compositions) == 1 + 19 + 5 * 30


def of_set(name: str) -> list[str]:
    return list(resolved(f"corruption={name}")["corruption"]["names"])
