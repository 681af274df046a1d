"""What every key needs: no key of the YAML files is without, their values fit, others are refused in one line."""

from typing import Any

import pytest
from composed import composed, configured
from omegaconf import OmegaConf

from modrobust.config.allowed import OF_CONFIG, OF_TARGET
from modrobust.config.check import check
from modrobust.config.identity import plain
from modrobust.config.options import CONF, options
from modrobust.config.values import mistakes, values
from modrobust.errors import UserError

GROUPS = (
    "dataset",
    "model",
    "method",
    "corruption",
    "training/optimizer",
    "training/schedule",
    "logger",
    "task",
    "search",
)


def of_option(group: str, option: str) -> dict[str, Any]:
    """A configuration with an option, and with a dataset that goes with it."""
    of_bits = group == "model" and "dataset" not in str(OmegaConf.load(CONF / group / f"{option}.yaml"))
    return plain(composed(*(["dataset=boolean"] if of_bits else []), f"{group}={option}"))


@pytest.mark.parametrize(
    ("group", "option"), [(group, option) for group in GROUPS for option in options(group)], ids=lambda x: x
)
def test_every_key_of_every_file_has_a_need_that_its_value_fits(group: str, option: str) -> None:
    content = of_option(group, option)
    assert [key for key, _, need in values(content) if need is None] == []
    wrong = dict(mistakes(content))
    if option == "inception_v3":  # not for the default dataset's images
        wrong.pop("model.image_size")
    assert wrong == {}


@pytest.mark.parametrize("launcher", options("hydra/launcher"))
def test_every_key_of_every_launcher_has_a_need_that_its_value_fits(launcher: str) -> None:
    cfg = composed(f"hydra/launcher={launcher}", hydra=True)
    content = OmegaConf.to_container(cfg.hydra.launcher)
    assert isinstance(content, dict)
    found = list(values({str(key): value for key, value in content.items()}, "hydra.launcher."))
    assert [key for key, _, need in found if need is None] == []
    assert [key for key, value, need in found if need and not need.fits(value)] == []


def test_no_need_is_of_a_key_that_no_file_has() -> None:
    """Nor is a target misspelt."""
    text = "\n".join(file.read_text() for file in CONF.rglob("*.yaml"))
    assert [target for target in OF_TARGET if target not in text] == []
    keys = {key.split(".")[0] for needs in (OF_CONFIG, *OF_TARGET.values()) for key in needs}
    assert [key for key in sorted(keys) if f"{key}:" not in text] == []


WHOLE = "a whole number of at least"
WRONG = {
    "checkpoint_seconds=-5": "a number of at least 0 is needed.",
    "cache_gb=-1": "auto or a number of at least 0 is needed.",
    "precision=float16": "auto, float32, tf32 or bfloat16 is needed. Did you mean 'bfloat16'?",
    "cache_gb=inf": "auto or a number of at least 0 is needed.",
    "seed=true": f"{WHOLE} 0 is needed.",
    "seed=1.5": f"{WHOLE} 0 is needed.",
    "replicas=null": f"{WHOLE} 1 is needed.",
    "threads=100000": "a whole number from 1 to 1024 is needed.",
    "vis=1": "true or false is needed.",
    "paths.outputs=null": "text that is not empty is needed.",
    "evaluation.compositions=[]": "a list of compositions, such as [Identity,Contrast-Swirl], or null, is needed.",
    "evaluation.max_length=-1": f"{WHOLE} 0, or null, is needed.",
    "training.epochs=1e400": f"{WHOLE} 1 is needed.",
    "device=mps": "auto, cpu, cuda or cuda:<number> (not mps, which has no float64) is needed.",
    "dataset.image_size=1": f"{WHOLE} 2, or [height,width] of such, is needed.",  # not model.image_size, taken from it
    "dataset.std=[1,1,0]": "a list of 3 values, each a number above 0, is needed.",
    "dataset.n_train=0": f"{WHOLE} 1, or null, is needed.",
    "dataset.name=../digits": "a name of letters, digits, _, - and . is needed.",
    "model.hidden=0": f"{WHOLE} 1 is needed.",
    "model.dropout=[0.1,nan,0.1,0.1]": "a list of one or more values, each a number from 0 to 1, is needed.",
    "method.lr=nan": "a number of at least 0 is needed.",
    "method.lr=fast": "a number of at least 0 is needed.",
    "training.optimizer.weight_decay=-1": "a number of at least 0 is needed.",
    "corruption.seed=null": f"{WHOLE} 0 is needed.",
    "corruption.compositions.target=x": f"{WHOLE} 0 is needed.",
    "corruption.elemental.Swirl.severity=0": "a whole number from 1 to 5 is needed.",
    "corruption.names=[Motion-Blur]": "a list of corruptions, such as [Contrast,Swirl] (letters, digits and _; - "
    "joins names to compositions), is needed.",
}
WRONG_WITH = {
    ("dataset=boolean", "method.lr.dense=-1"): "a number of at least 0 is needed.",
    ("dataset=boolean", "method.lr.dense=null"): "a number of at least 0 is needed.",
    ("dataset=boolean", "method.loss=bcee"): "bce, mse or cross_entropy is needed. Did you mean 'bce'?",
    ("dataset=boolean", "method.tau=0"): "a number above 0 is needed.",
    ("dataset=boolean", "model.hidden=[abc]"): f"a list of any length, each value {WHOLE} 1, or null, is needed.",
    ("dataset=boolean", "dataset.train_fraction=0"): "a number above 0, up to 1, is needed.",
    ("method=modules", "method.level=penultimat"): "a level's number, last, penultimate or auto, or a level for each "
    "corruption, is needed. Did you mean 'penultimate'?",
    ("task=export_images", "task.processes=0"): f"{WHOLE} 1, or null, is needed.",
}


@pytest.mark.parametrize("overrides", [*((one,) for one in WRONG), *WRONG_WITH], ids=" ".join)
def test_a_wrong_value_is_refused(overrides: tuple[str, ...]) -> None:
    message = WRONG_WITH[overrides] if overrides in WRONG_WITH else WRONG[overrides[0]]
    cfg = configured(*overrides)
    with pytest.raises(UserError) as refused:
        check(cfg, overrides)
    given = str(OmegaConf.select(cfg, overrides[-1].partition("=")[0]))
    assert str(refused.value).replace(" ", "").startswith(overrides[-1].replace("1e400", "inf")), given
    assert str(refused.value).endswith(f": {message}")


@pytest.mark.parametrize(
    "overrides",
    [
        ("cache_gb=0", "checkpoint_seconds=0.5", "evaluation.max_length=1", "evaluation.compositions=[Swirl]"),
        ("dataset=cifar10", "dataset.augmentation=null", "training.schedule.T_max=3"),
        ("method=modules", "method.level={Contrast:1}", "corruption.names=[Contrast]"),
        ("dataset=boolean", "model.hidden=[]", "dataset.graph=null", "dataset.gates=[[xor 0 1]]"),
        ("dataset=boolean", "dataset.graph=multi_task_a", "method.lr.inputs=0", "corruption.input_noise=0"),
        ("+training.optimizer.dampening=0.1", "model._target_=my.network", "model.hidden=7"),
    ],
    ids=" ".join,
)
def test_a_right_value_is_not(overrides: tuple[str, ...]) -> None:
    check(composed(*overrides), overrides)


@pytest.mark.parametrize("name", ["Motion-Blur", "Motion/Blur", "Motion Blur", "", "Identity"])
def test_a_corruption_cannot_have_a_name_that_compositions_could_not_hold(name: str) -> None:
    cfg = composed().copy()
    OmegaConf.update(cfg, "corruption.elemental", {name: {"_target_": "my.blur", "_partial_": True}}, force_add=True)
    with pytest.raises(UserError, match=f"corruption '{name}': a name has letters, digits and _"):
        check(cfg, ())


def test_evaluations_beside_the_first_are_checked_too() -> None:
    for value, message in {
        "7": "a list is needed.",
        "[{_target_:modrobust.evaluation.bits.Bits,name:x,split:null}]": "text that is not empty is needed.",
    }.items():
        with pytest.raises(UserError, match=r"^evaluations") as refused:
            check(configured(f"evaluations={value}"), ())
        assert str(refused.value).endswith(message)


def test_keys_of_a_target_of_the_users_own_are_of_the_kind_they_have_in_the_file() -> None:
    own = ("model._target_=my.network", "method._target_=my.method")
    for override, kind in {
        "model.hidden=wide": "a number is needed, such as 256.",
        "model.widths=3": "a list is needed, such as [16,32,64,128].",
        "method.pairing=1": "true or false is needed.",
    }.items():
        with pytest.raises(UserError, match="is needed") as refused:
            check(configured(*own, override), (*own, override))
        assert str(refused.value) == f"{override}: {kind}"


def test_what_there_is_to_set_is_composed_once_where_the_command_line_does_not_show_it() -> None:
    """Values of keys whose needs are known show it; a key that is new, or of the user's own target, does not."""
    from modrobust.config.keys import _composed

    def composes(*overrides: str) -> int:
        before = _composed.cache_info().misses
        for seed in range(20):
            check(composed(*overrides), (f"seed={seed}", *overrides))
        return _composed.cache_info().misses - before

    _composed.cache_clear()
    assert composes("dataset=emnist", "training.epochs=3", "model.widths=[1,2]", "method.lr=${per:seed,0:1}") == 0
    assert composes("dataset=emnist", "+training.optimizer.dampening=0.1") == 1
    assert composes("dataset=emnist", "model._target_=my.network") == 0  # as before it
    assert composes("model._target_=my.network") == 1
