"""What a search tries: the published grids for every method, and what is refused."""

from typing import Any

import pytest
from composed import composed
from omegaconf import OmegaConf

from modrobust.config.identity import plain
from modrobust.config.options import options
from modrobust.config.typed import typed
from modrobust.errors import UserError
from modrobust.search.steps import Step, overrides_of, steps_of

POWERS_OF_TEN = [1, 1e-1, 1e-2, 1e-3]


def published(method: str) -> list[Step]:
    return steps_of(plain(composed("search=grid", f"search/steps={method}").search))


def test_every_method_has_its_grid() -> None:
    assert set(options("method")) <= set(options("search/steps"))


@pytest.mark.parametrize(
    ("method", "keys", "sizes"),
    [
        ("cross_entropy", [["lr"]], [4]),
        ("contrastive", [["lr", "weight"]], [16]),
        ("auto_contrastive", [["lr", "weight"]], [16]),
        ("modules", [["backbone_lr"], ["lr", "weight"]], [4, 16]),
        ("auto_modules", [["backbone_lr"], ["lr", "weight"]], [4, 16]),
        ("img_space", [["autoencoder_lr"], ["lr"]], [4, 4]),
        ("supervised", [["lr.dense"]], [4]),
        ("supervised_modular", [["lr.modules", "lr.inputs"]], [16]),
    ],
)
def test_the_grids_are_the_published_ones(method: str, keys: list[list[str]], sizes: list[int]) -> None:
    steps = published(method)
    assert [[key.removeprefix("method.") for key in step.values] for step in steps] == keys
    assert [len(step.grid()) for step in steps] == sizes
    assert all(values == POWERS_OF_TEN for step in steps for values in step.values.values())


@pytest.mark.parametrize(
    ("method", "scored"),
    [
        ("cross_entropy", [("accuracy", [0, 1])]),
        ("contrastive", [("accuracy", [0, 1])]),
        ("modules", [("accuracy", [0]), ("accuracy", [1])]),
        ("img_space", [("valid_loss", []), ("accuracy", [1])]),
    ],
)
def test_trials_are_scored_in_distribution(method: str, scored: list[tuple[str, list[int]]]) -> None:
    assert [(step.score, step.corruptions) for step in published(method)] == scored


def test_a_grid_is_every_combination_and_reads_as_people_type_it() -> None:
    step = Step("one", {"a.b": [1, 0.001], "c": [None, True, [1, 2]]}, [], "accuracy", [0])
    assert len(step.grid()) == 6
    assert overrides_of(step.grid()[0]) == ["a.b=1", "c=null"]
    assert overrides_of(step.grid()[-1]) == ["a.b=0.001", "c=[1,2]"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": "acuracy"}, "Did you mean 'accuracy'"),
        ({"score": ["accuracy", "valid_loss"]}, "one objective, accuracy or valid_loss, is needed"),
        ({"corruptions": [0, 2]}, "must not look at compositions"),
        ({"values": {"method": {"lr": 0.1}}}, r"search.steps.one.values.method.lr=0.1: a list of values is needed"),
    ],
)
def test_what_a_step_may_not_say(change: dict[str, Any], message: str) -> None:
    step = {"values": {"method": {"lr": [0.1]}}, "overrides": [], "score": "accuracy", "corruptions": [0], **change}
    with pytest.raises(UserError, match=message):
        steps_of({"steps": {"one": step}})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"values": {"a": [1]}, "overrides": []},
            "search.steps.one has no 'score': one objective, accuracy or valid_loss, is needed",
        ),
        ({"overrides": [], "score": "valid_loss"}, "search.steps.one has no 'values'"),
        ({"values": {"a": [1]}, "score": "valid_loss"}, "search.steps.one has no 'overrides'"),
        ({"values": {"a": [1]}, "overrides": [], "score": "accuracy"}, "search.steps.one has no 'corruptions'"),
        ({"values": [1, 2], "overrides": [], "score": "valid_loss"}, r"search.steps.one.values=\[1,2\]: keys of the"),
        ({"values": {}, "overrides": [], "score": "valid_loss"}, "search.steps.one.values={}: keys of the"),
        ({"valeus": {}}, "There is no key 'search.steps.one.valeus'. Did you mean 'values'?"),
        ({"values": {"a": {"b": {}}}, "overrides": [], "score": "valid_loss"}, "values.a.b={}: a list of values"),
        (None, "search.steps.one=null: the keys values, overrides, score, corruptions are needed"),
        ([1], r"search.steps.one=\[1\]: the keys"),
    ],
)
def test_what_a_step_must_have(content: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        steps_of({"steps": {"one": content}})


@pytest.mark.parametrize("title", ["step one", "a/b", "a=b", ""])
def test_names_of_steps_are_parts_of_file_names(title: str) -> None:
    with pytest.raises(UserError, match="a step is called"):
        steps_of({"steps": {title: {}}})


def test_text_is_quoted_where_the_grammar_needs_it() -> None:
    values = {"a": "b c", "d": "1", "e": ["x,y", None], "f": "it's", "g": "plain-1.x", "h": "true"}
    texts = overrides_of(values)
    assert texts[4] == "g=plain-1.x"
    assert {text.partition("=")[0]: typed(text.partition("=")[2]) for text in texts} == values


def test_no_steps() -> None:
    with pytest.raises(UserError, match=r"search\.steps is empty"):
        steps_of(OmegaConf.create({"kind": "grid"}))
