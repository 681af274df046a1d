"""Every mistake a person can make: one line that says what is wrong and what is allowed, exit code 1, no training."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hydra.errors import HydraException
from in_process import SMALL, Result, modrobust
from omegaconf import OmegaConf

from modrobust.config.options import CONF
from modrobust.errors import UserError


def options(group: str) -> str:
    return ", ".join(sorted(file.stem for file in (CONF / group).glob("*.yaml")))


def keys(*path: str) -> str:
    """The keys of conf/config.yaml below a path; at the top with the groups."""
    node = OmegaConf.load(CONF / "config.yaml")
    if path:
        groups = {file.name for file in (CONF / path[0]).glob("*") if file.is_dir()}
        return ", ".join(sorted({*groups, *map(str, node[path[0]])}))
    groups = {"dataset", "corruption", "method", "model", "evaluation", "logger"}
    return ", ".join(sorted({*groups, *map(str, node)} - {"defaults", "hydra"}))


NAMES = "Identity, Contrast, GaussianBlur, ImpulseNoise, Invert, Rotate90, Swirl"
MODEL = "dropout, hidden, hidden_dropout, image_size, module_dropout, name, num_classes, widths"
EVALUATION = "activations, batch_size, compositions, max_length, severities, shard, split"
NOT_AN_OVERRIDE = "is not an override: write key=value; quote a value with special characters."

MISTAKES = {
    # options of groups
    "dataset=mnsit": f"dataset=mnsit: there is no such dataset. Did you mean 'mnist'? Allowed: {options('dataset')}.",
    "corruption=seven": f"corruption=seven: there is no such corruption. Allowed: {options('corruption')}.",
    "dataset=3": f"dataset=3: there is no such dataset. Allowed: {options('dataset')}.",
    "model=null": f"model=null: there is no such model. Allowed: {options('model')}.",
    "recipe=digits": "recipe=digits: there is no such recipe. Did you mean 'digits_tent'? Allowed: "
    f"{options('recipe')}.",
    "+dataset=mnist": "'+dataset=...': there is a key 'dataset' already; leave out the +.",
    # keys
    "sead=1": f"There is no key 'sead'. Did you mean 'seed'? Keys at the top: {keys()}.",
    "datset=mnist": f"There is no key 'datset'. Did you mean 'dataset'? Keys at the top: {keys()}.",
    "training.epoch=3": "There is no key 'training.epoch'. Did you mean 'training.epochs'? "
    f"Keys under 'training': {keys('training')}.",
    "model.wdith=3": f"There is no key 'model.wdith'. Did you mean 'model.widths'? Keys under 'model': {MODEL}.",
    "evaluation.bach_size=3": "There is no key 'evaluation.bach_size'. Did you mean 'evaluation.batch_size'? "
    f"Keys under 'evaluation': {EVALUATION}.",
    "epochs=3": f"There is no key 'epochs'. Did you mean 'training.epochs'? Keys at the top: {keys()}.",
    "seed.x=3": f"There is no key 'seed.x'. Did you mean 'seed'? Keys at the top: {keys()}.",
    "~sead": f"There is no key 'sead'. Did you mean 'seed'? Keys at the top: {keys()}.",
    "+sead=1": f"There is no key 'sead'. Did you mean 'seed'? Keys at the top: {keys()}.",
    "+training.epoch=3": "There is no key 'training.epoch'. Did you mean 'training.epochs'? "
    f"Keys under 'training': {keys('training')}.",
    "~seed": "The key 'seed' is missing.",
    "training=foo": f"training=foo: it can't be set as a whole. Keys under 'training': {keys('training')}.",
    # the grammar of overrides
    "seed": f"'seed' {NOT_AN_OVERRIDE}",
    "training.epochs=[1": f"'training.epochs=[1' {NOT_AN_OVERRIDE}",
    "paths.data=/a(b": f"'paths.data=/a(b' {NOT_AN_OVERRIDE}",
    "seed=0,1": "'seed=0,1': write seed=[0,1] for a list, or add -m for a run with each.",
    # values
    "training.epochs=0": "training.epochs=0: a whole number of at least 1 is needed.",
    "training.epochs=many": "training.epochs=many: a whole number of at least 1 is needed.",
    "threads=0": "threads=0: a whole number from 1 to 1024 is needed.",
    "seed=": "seed=: a whole number of at least 0 is needed.",
    "evaluation.max_length=1.5": "evaluation.max_length=1.5: a whole number of at least 0, or null, is needed.",
    "evaluation.activations=all": "evaluation.activations=all: true, false or raw is needed.",
    "evaluation.shard=9/8": "evaluation.shard=9/8 is not a share: write 2/8 for the second of eight.",
    "evaluation.compositions=Contrast": "evaluation.compositions=Contrast: a list of compositions, "
    "such as [Identity,Contrast-Swirl], or null, is needed.",
    "device=gpu": "device=gpu: auto, cpu, cuda or cuda:<number> (not mps, which has no float64) is needed.",
    "training.optimizer.momentum=fast": "training.optimizer.momentum=fast: a number of at least 0 is needed.",
    "model.widths=3": "model.widths=3: a list of one or more values, each a whole number of at least 1, is needed.",
    "corruption.seed=abc": "corruption.seed=abc: a whole number of at least 0 is needed.",
    "evaluate=maybe": "evaluate=maybe: true or false is needed.",
    # corruptions
    "corruption.names=[Contarst]": "composition 'Contarst': there is no corruption 'Contarst'. "
    f"Did you mean 'Contrast'? Allowed: {NAMES}, joined by '-'.",
    "evaluation.compositions=[Swirl-Fog]": "composition 'Swirl-Fog': there is no corruption 'Fog'. "
    f"Allowed: {NAMES}, joined by '-'.",
    "corruption.elemental.Contrast.severity=9": "corruption.elemental.Contrast.severity=9: a whole number "
    "from 1 to 5 is needed.",
    # data
    "evaluation.split=tset": "evaluation.split=tset: digits has the splits train, valid, test.",
    # what is built from the configuration
    "+dataset.foo=1": "dataset: image_dataset() got an unexpected keyword argument 'foo'",
    "+model.foo=1": "model: five_by_five() got an unexpected keyword argument 'foo'",
    "+method.foo=1": "method: CrossEntropy.__init__() got an unexpected keyword argument 'foo'",
    "method.lr=-1": "method.lr=-1: a number of at least 0 is needed.",
    "+training.schedule.foo=1": "training.optimizer or training.schedule: "
    "CosineAnnealingLR.__init__() got an unexpected keyword argument 'foo'",
    "model._target_=my.network": "model: _target_ my.network can't be imported: No module named 'my'",
    "training.optimizer._target_=torch.optim.SDG": "training.optimizer: _target_ torch.optim.SDG can't be imported: "
    "No module named 'torch.optim.SDG'",
    "+corruption.elemental.Fog={_target_: fogs.fog, _partial_: true}": "corruption.elemental.Fog: _target_ fogs.fog "
    "can't be imported: No module named 'fogs'",
}


def assert_refused(folder: Path, result: Result, message: str) -> None:
    """One line on stderr and nothing else; nothing was trained, tested or downloaded."""
    assert result.err == f"modrobust: {message}\n"
    assert (result.code, result.out) == (1, "")
    assert not list(folder.rglob("metrics.jsonl")) and not list(folder.rglob("results.csv"))


@pytest.mark.parametrize("override", MISTAKES)
def test_a_mistake_on_the_command_line_is_told_in_one_line(tmp_path: Path, override: str) -> None:
    assert_refused(tmp_path, modrobust(tmp_path, override), MISTAKES[override])


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises((RuntimeError, AssertionError)) as reason:
        torch.empty(0, device="cuda:99")
    message = f"device=cuda:99 is not there: {str(reason.value).splitlines()[0]}"
    assert_refused(tmp_path, modrobust(tmp_path, "device=cuda:99"), message)


def test_the_nearest_key_is_one_of_the_chosen_group(tmp_path: Path) -> None:
    result = modrobust(tmp_path, "dataset=emnist", "dataset.varriant=letters")
    assert result.err.startswith("modrobust: There is no key 'dataset.varriant'. Did you mean 'dataset.variant'? ")
    assert (result.code, result.err.count("\n")) == (1, 1)


def test_a_file_whose_name_is_no_text_to_hydra(tmp_path: Path) -> None:
    (tmp_path / "conf/corruption").mkdir(parents=True)
    (tmp_path / "conf/corruption/nan.yaml").write_text("defaults: [six]\n")
    line = "corruption=nan: Hydra reads nan as a number, null, true or false: give nan.yaml another name."
    assert_refused(tmp_path, modrobust(tmp_path, "corruption=nan"), line)


YAML_MISTAKES = {
    "names: [Contrast\nseed: 2\n": "{file}, line 2, column 5: expected ',' or ']', but got ':'.",
    "defaults: [sixx]\n": "corruption/mine.yaml: corruption=sixx: there is no such corruption. Did you mean 'six'? "
    f"Allowed: {', '.join(sorted([*options('corruption').split(', '), 'mine']))}.",
    "defaults: [six]\nnames: ${corruption.nmaes}\n": "corruption.names: Interpolation key 'corruption.nmaes' not found",
    "names: [Contrast]\n": "The key 'corruption.elemental' is missing.",
    "defaults: [six]\nelemental: {Fog: {_target_: fogs.fog}}\n": "corruption.elemental.Fog: _target_ fogs.fog can't be "
    "imported: No module named 'fogs'",
}


@pytest.mark.parametrize("text", YAML_MISTAKES)
def test_a_mistake_in_a_file_of_the_user(tmp_path: Path, text: str) -> None:
    file = tmp_path / "conf/corruption/mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    message = YAML_MISTAKES[text].replace("{file}", str(file))
    assert_refused(tmp_path, modrobust(tmp_path, "corruption=mine"), message)


def test_a_key_that_only_the_swept_options_have(tmp_path: Path) -> None:
    sweep = ("-m", "method=modules,img_space", "--dry-run")
    message = "method.routing=inferred: where method is swept, too, write 'method.routing=choice(inferred)'."
    assert_refused(tmp_path, modrobust(tmp_path, *sweep, "method.routing=inferred"), message)
    assert modrobust(tmp_path, *sweep, "method.routing=choice(inferred)").code == 0


def write_mnist(folder: Path, labels: bytes = bytes(range(10)) * 4, size: int = 28, cut: int = 0) -> Path:
    """40 black images and their labels, for training and test, where torchvision has them; returns the last file."""
    raw = folder / "MNIST/raw"
    raw.mkdir(parents=True)
    images = struct.pack(">4I", 0x803, len(labels), size, size) + bytes(len(labels) * size * size)
    for part in ("train", "t10k"):
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, len(labels)) + labels)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(images[: len(images) - cut])
    return raw


def test_a_data_folder_that_does_not_exist(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    message = (
        f"paths.data is {nowhere}, which does not exist: create it, or set paths.data=FOLDER or MODROBUST_DATA "
        "to the folder that holds the datasets"
    )
    assert_refused(tmp_path, modrobust(tmp_path, "dataset=mnist", f"paths.data={nowhere}"), message)


def test_labels_outside_the_classes(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path / "data", labels=bytes([0, 1, 2, 10] * 10))
    message = f"{raw.relative_to(tmp_path)}/train-labels-idx1-ubyte holds the label 10: allowed are 0 to 9"
    assert_refused(tmp_path, modrobust(tmp_path, "dataset=mnist"), message)


def test_a_truncated_file(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path / "data", cut=100)
    message = (
        f"{raw.relative_to(tmp_path)}/train-images-idx3-ubyte is truncated: its header announces 40x28x28 bytes, "
        "found 31260"
    )
    assert_refused(tmp_path, modrobust(tmp_path, "dataset=mnist"), message)


def test_images_of_another_size(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path / "data", size=32)
    message = f"{raw.relative_to(tmp_path)}/train-images-idx3-ubyte holds images of 32x32 pixels: allowed are 28x28"
    assert_refused(tmp_path, modrobust(tmp_path, "dataset=mnist"), message)


def test_a_failing_run_of_a_sweep_leaves_the_others_to_run(tmp_path: Path) -> None:
    result = modrobust(tmp_path, "-m", "dataset=mnist,digits", "paths.data=nowhere", *SMALL)
    assert (result.code, result.err.count("Traceback")) == (1, 0)
    assert result.err.splitlines()[-1].startswith("modrobust: paths.data is ")
    assert len(list(tmp_path.glob("outputs/runs/digits/*/*/results.csv"))) == 1


def test_a_mistake_of_one_run_refuses_the_sweep(tmp_path: Path) -> None:
    result = modrobust(tmp_path, "-m", "evaluation.shard=1/1,9/8", *SMALL)
    assert (result.code, result.err.count("\n")) == (1, 1)
    message = "modrobust: evaluation.shard=9/8 is not a share: write 2/8 for the second of eight. (run 2 of 2: "
    assert result.err.startswith(message)
    assert not list(tmp_path.rglob("results.csv"))


def test_a_mistake_common_to_all_runs_of_a_sweep_stops_it_at_once(tmp_path: Path) -> None:
    result = modrobust(tmp_path, "-m", "seed=0,1", "training.epoch=1")
    assert result.err.startswith("modrobust: There is no key 'training.epoch'. Did you mean 'training.epochs'? ")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert not list(tmp_path.rglob("results.csv"))


@pytest.mark.parametrize(
    ("override", "kind"), [("sead=1", HydraException), ("evaluation.shard=9/8", UserError)], ids=["key", "value"]
)
def test_the_traceback_is_shown_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str, kind: type[Exception]
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(kind):
        modrobust(tmp_path, override)


USES_FOG = ("corruption.names=[Fog]", "+corruption.elemental.Fog={_target_: faulty_fog.fog, _partial_: true}")


def test_an_error_in_a_function_of_the_user_is_located(tmp_path: Path) -> None:
    file = tmp_path / "faulty_fog.py"
    file.write_text("def fog(images, draw):\n    return images * fogg\n")
    message = f"corruption Fog (faulty_fog.fog): NameError: name 'fogg' is not defined ({file}, line 2)"
    assert_refused(tmp_path, modrobust(tmp_path, *USES_FOG), message)


def test_the_status_of_a_run_says_what_the_terminal_said(tmp_path: Path) -> None:
    """Also where Hydra wraps what the function of a dataset or network raised."""
    result = modrobust(tmp_path, "dataset=boolean", "dataset.inputs=5")
    message = "dataset.inputs is 5: every graph has 6; others are for dataset.gates"
    assert_refused(tmp_path, result, message)
    (status,) = tmp_path.rglob("status.json")
    assert json.loads(status.read_text())["error"] == message


def test_own_classes_that_are_none_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "class Mine:\n    def __init__(self, **keys):\n        pass\n    def __call__(self, *args):\n        pass\n"
    (tmp_path / "mine_of_none.py").write_text(text)
    monkeypatch.delitem(sys.modules, "mine_of_none", raising=False)
    for group, message in {
        "dataset": "returns Mine: an ImageDataset is needed, see modrobust/dataset/splits.py.",
        "model": "makes Mine: an nn.Module from images to logits is needed.",
        "method": "has no train(experiment): see modrobust/method.",
    }.items():
        result = modrobust(tmp_path, f"{group}._target_=mine_of_none.Mine", "device=cpu")
        assert_refused(tmp_path, result, f"{group} (mine_of_none.Mine) {message}")


def test_a_function_that_is_only_tested_is_tried_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faulty_fog.py").write_text("def fog(images, draw):\n    return images[..., :8, :8]\n")
    monkeypatch.delitem(sys.modules, "faulty_fog", raising=False)
    message = (
        "corruption Fog (faulty_fog.fog) returns float32 (4, 1, 8, 8) on cpu: "
        "a tensor is needed, float32 (4, 1, 28, 28) on cpu."
    )
    tested = ("corruption.names=[Invert]", "evaluation.compositions=[Invert-Fog]", "device=cpu")
    assert_refused(tmp_path, modrobust(tmp_path, USES_FOG[1], *tested), message)


def test_an_error_in_the_midst_of_work_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr("modrobust.evaluation.testing.quantize", broken)
    with pytest.raises(RuntimeError, match="a fault of our own"):
        modrobust(tmp_path, *SMALL)


def test_exit_code_and_streams_of_a_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "modrobust", "corruption=seven"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"modrobust: {MISTAKES['corruption=seven']}\n"
