"""Straight-through selections against the golden values; their order, ties, known logits and noise."""

from pathlib import Path

import numpy as np
import pytest
import torch
from published import compare, published
from torch import Tensor

from modrobust.model.selection import (
    Logits,
    Sampling,
    choose_inputs,
    choose_one,
    known_choice,
    known_inputs,
    select,
    top,
)

TAUS = (None, 0.5, 1.0, 2.0)


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    with np.load(Path(__file__).parents[1] / "golden/straight_through_boolean.npz") as values:
        return {name: torch.from_numpy(values[name]) for name in values}


def close(found: Tensor, expected: Tensor) -> None:
    compare("straight-through selections, values and gradients", found, expected)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@published
@pytest.mark.parametrize("tau", TAUS)
def test_inputs_have_the_published_values_and_gradients(golden: dict[str, Tensor], tau: float | None) -> None:
    logits = golden["logits"].clone().requires_grad_()
    chosen = choose_inputs(logits / (tau or 1), 2)
    first, second = chosen.unbind(-1)
    (first * golden["upstream1"] + second * golden["upstream2"]).sum().backward()
    assert logits.grad is not None
    close(first.detach(), golden[f"sigmoid_tau{tau}/ret1"])
    close(second.detach(), golden[f"sigmoid_tau{tau}/ret2"])
    close(logits.grad, golden[f"sigmoid_tau{tau}/grad_logits"])


@published
@pytest.mark.parametrize("tau", TAUS)
def test_one_has_the_published_values_and_gradients(golden: dict[str, Tensor], tau: float | None) -> None:
    logits = golden["logits"].clone().requires_grad_()
    chosen = choose_one(logits / (tau or 1))
    (chosen * golden["upstream1"]).sum().backward()
    assert logits.grad is not None
    close(chosen.detach(), golden[f"softmax_tau{tau}/ret"])
    close(logits.grad, golden[f"softmax_tau{tau}/grad_logits"])


def test_without_gradients_the_values_are_the_same(golden: dict[str, Tensor]) -> None:
    logits = golden["logits"].clone().requires_grad_()
    inputs, one = choose_inputs(logits, 2), choose_one(logits)
    with torch.no_grad():
        assert torch.equal(choose_inputs(logits, 2), inputs) and torch.equal(choose_one(logits), one)


@published
@pytest.mark.parametrize("tau", TAUS[1:])
def test_noise_is_added_before_the_temperature(golden: dict[str, Tensor], tau: float) -> None:
    values = golden["logits"]
    logits = Logits([torch.Generator(), torch.Generator()], "x", (1, 6, 3), None)
    logits.values.data = values[:, None]
    noise = -golden[f"gumbel_tau{tau}/exponential_draw"].log()
    with torch.no_grad():
        z = logits(None, 5, Sampling(tau, lambda name, shape: noise.view(2, *shape)))[:, 0]
    first, second = choose_inputs(z, 2).unbind(-1)
    close(first, golden[f"gumbel_tau{tau}/sig_ret1"])
    close(second, golden[f"gumbel_tau{tau}/sig_ret2"])
    close(choose_one(z), golden[f"gumbel_tau{tau}/softmax_ret"])


def places(logits: list[float], k: int) -> list[int]:
    chosen: list[int] = top(torch.tensor(logits)[:, None], k)[:, 0].argmax(0).tolist()
    return chosen


def test_logits_are_ranked_where_their_sigmoids_are_equal() -> None:
    logits = [20.0, 30, 40, -1, 0, 25]
    assert torch.tensor(logits).sigmoid()[[0, 1, 2, 5]].unique().tolist() == [1]
    assert places(logits, 2) == [2, 1]


def test_of_equal_ones_the_first_wins() -> None:
    assert places([1, 2, 2, 1, 2, 1], 4) == [1, 2, 4, 0]
    assert places([0.0] * 40, 3) == [0, 1, 2]
    assert choose_one(torch.zeros(3, 1)).argmax(0).item() == 0


def test_known_inputs_are_chosen_in_their_order() -> None:
    two = known_inputs([(3, 1), (0, 2)], 4)
    torch.testing.assert_close(two, torch.tensor([[0, 1.1], [1.0, 0], [0, 1.0], [1.1, 0]]))
    three = known_inputs([(2, 0, 3)], 4)
    torch.testing.assert_close(three[:, 0], torch.tensor([1.099, 0, 1.1, 1.098]))
    assert choose_inputs(three, 3)[:, 0].argmax(0).tolist() == [2, 0, 3]
    assert known_choice([1, 0, 1], 2).tolist() == [[0, 1, 0], [1, 0, 1]]


def made(tasks: int, known: bool = False) -> Logits:
    draws = [torch.Generator().manual_seed(seed) for seed in (0, 1, 2)]
    return Logits(draws, "inputs 0", (tasks, 4, 5), torch.ones(4, 5) if known else None)


TASK = torch.tensor([[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("tasks", "per_sample", "asked"),
    [(1, False, (1, 4, 5)), (1, True, (4, 4, 5)), (2, False, (2, 4, 5)), (2, True, (4, 4, 5))],
)
def test_each_example_or_each_task_has_noise_of_its_own(tasks: int, per_sample: bool, asked: tuple[int, ...]) -> None:
    seen = []

    def gumbel(name: str, shape: tuple[int, ...]) -> Tensor:
        seen.append((name, shape))
        return torch.arange(3.0 * np.prod(shape)).view(3, *shape)

    logits, task = made(tasks), TASK if tasks > 1 else None
    z = logits(task, 4, Sampling(2.0, gumbel, per_sample))
    assert seen == [("inputs 0", asked)]
    assert z.shape == (3, 4 if tasks > 1 or per_sample else 1, 4, 5)
    noise = torch.arange(3.0 * np.prod(asked)).view(3, *asked)
    for replica in range(3):
        for example in range(z.shape[1]):
            own = int(TASK[replica, example]) if tasks > 1 else 0
            expected = (logits.values[replica, own] + noise[replica, example if per_sample else own]) / 2
            torch.testing.assert_close(z[replica, example], expected)


def test_evaluation_and_known_logits_have_no_noise() -> None:
    def gumbel(name: str, shape: tuple[int, ...]) -> Tensor:
        raise AssertionError(name)

    assert torch.equal(made(1, known=True)(None, 4, Sampling(2.0, gumbel, True)), torch.full((3, 1, 4, 5), 0.5))
    logits = made(2)
    z = logits(TASK, 4, None)
    assert torch.equal(z[1], logits.values[1, TASK[1]])
    assert torch.equal(made(1)(None, 4, None), made(1).values)


def test_known_logits_are_not_trained_and_learned_ones_are_standard_normal() -> None:
    assert not list(made(1, known=True).parameters())
    draws = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    values = Logits(draws, "x", (1, 100, 100), None).values
    assert (abs(values.mean((1, 2, 3))) < 0.03).all() and (abs(values.std((1, 2, 3)) - 1) < 0.03).all()
    assert not torch.equal(values[0], values[1])


@pytest.mark.parametrize("examples", [1, 7])
def test_modules_see_what_was_chosen(examples: int) -> None:
    x = torch.rand(3, 7, 6)
    z = torch.randn(3, examples, 6, 5)
    chosen = choose_inputs(z, 2)
    seen = select(x, chosen)
    expected = torch.einsum("rbn,rbnmk->rmbk", x, chosen.expand(3, 7, 6, 5, 2))
    assert seen.shape == (3, 5, 7, 2)
    torch.testing.assert_close(seen, expected)
