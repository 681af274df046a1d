"""What a predictor of one's own method returns is checked before it is counted."""

from typing import Any

import pytest
import torch

from modrobust.errors import UserError
from modrobust.method.made import checked

LOGITS, UNITS = torch.zeros(4, 10), torch.zeros(4, 7)


def test_a_good_one() -> None:
    predicted = {"default": (LOGITS, UNITS), "other": (LOGITS, UNITS)}
    assert checked(predicted, 4, 10) is predicted


@pytest.mark.parametrize(
    ("predicted", "found"),
    [
        (LOGITS, "Tensor: {variant: (logits, features)} is needed."),
        ({}, "an empty dict: {variant: (logits, features)} is needed."),
        ({"default": LOGITS}, "(4, 10) as default: logits (4, 10) and penultimate features (4, units) are needed."),
        ({"default": (LOGITS, None)}, "(4, 10), NoneType as default: logits (4, 10) and penultimate "),
        ({"default": (LOGITS[:3], UNITS)}, "(3, 10), (4, 7) as default: logits (4, 10) and penultimate "),
        ({"default": (LOGITS[:, :9], UNITS)}, "(4, 9), (4, 7) as default: logits (4, 10) and penultimate "),
        ({"default": (LOGITS, UNITS[:3])}, "(4, 10), (3, 7) as default: logits (4, 10) and penultimate "),
        ({"default": (LOGITS, UNITS[0])}, "(4, 10), (7,) as default: logits (4, 10) and penultimate "),
    ],
)
def test_a_wrong_one(predicted: Any, found: str) -> None:
    with pytest.raises(UserError) as refused:
        checked(predicted, 4, 10)
    assert str(refused.value).startswith(f"method: its predictor returns {found}")
