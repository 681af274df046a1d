"""A network of a user's own that breaks the contract is refused in one line, before any training."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from modrobust.errors import UserError
from modrobust.model.contract import check_network
from modrobust.model.network import Network

IMAGES = torch.zeros(2, 3, 8, 8)


def network(body: nn.Module | None = None, outputs: int = 10) -> Network:
    return Network(
        {"body": body or nn.Flatten(), "classifier": nn.LazyLinear(outputs)},
        lambda level: nn.Identity(),
        lambda: nn.Identity(),
    )


class Body(nn.Module):
    """Flattens, and does something to the result."""

    def __init__(self, change: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> Any:
        return self.change(x.flatten(1))


def fails(x: Tensor) -> Tensor:
    return x @ torch.zeros(3, 3)


def test_a_good_one() -> None:
    check_network(network, IMAGES, 10, "model (my.net)")


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "no module": (
        lambda: nn.Linear,
        " makes type: an nn.Module from images to logits is needed.",
    ),
    "classes": (
        lambda: network(outputs=7),
        " returns float32 (2, 7) for 2 images: logits of every class, float32 (2, 10), are needed.",
    ),
    "not finite": (
        lambda: network(Body(lambda x: x * float("nan"))),
        " returns logits that are no numbers, or infinite ones.",
    ),
    "no image by itself": (
        lambda: network(Body(lambda x: x.sum(0, keepdim=True))),
        " returns float32 (1, 10) for 2 images: logits of every class, float32 (2, 10), are needed.",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_one(what: str) -> None:
    build, message = WRONG[what]
    with pytest.raises(UserError) as refused:
        check_network(build, IMAGES, 10, "model (my.net)")
    assert str(refused.value) == f"model (my.net){message}"


def test_an_error_is_told_with_its_place() -> None:
    place = r"\(.*test_model_contract.py, line \d+\)"
    with pytest.raises(UserError, match=rf"^model \(my.net\): RuntimeError: mat1 and mat2 .* {place}$"):
        check_network(lambda: network(Body(fails)), IMAGES, 10, "model (my.net)")
