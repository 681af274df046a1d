"""What a method gives back: what predicts, and everything else that it made or found on the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray
from torch import Tensor

from modrobust.errors import UserError
from modrobust.store.parts import Part

Said = tuple[Tensor, Tensor] | tuple[Tensor, Tensor, dict[str, Tensor]]
"""What a method says of some images: logits (B, classes), penultimate features (B, units), and perhaps diagnostics:
by name a number for each image (B,), of which means are written."""

Predictor = Callable[[Tensor, tuple[str, ...]], Mapping[str, Said]]
"""(normalised images float32 (B, 3, H, W), their composition) -> what is said, for each variant of the method."""


@runtime_checkable
class BitPredictor(Protocol):
    """What predicts bits: the networks of one or more seeds."""

    seeds: list[int]

    def outputs(self, split: str) -> dict[str, Tensor]:
        """All rows of a split: logits float32 (R, n, B), loss float32 (R, n), targets float32 (R or 1, n, B)."""


@dataclass(frozen=True)
class Made:
    """What the training of a method made.

    Attributes:
        predictor: is tested; None where nothing can be, since only some parts were trained.
        parts: the trained pieces, in the order of training; their learning curves are those of the run.
        tables: what was found besides networks, as rows; each is written to <name>.csv in the run's folder.
        arrays: the same as arrays; each is written to <name>.npz.
        pictures: labelled rows of images uint8 (n, C, H, W); each goes to <name>.png and <name>.npz.
    """

    predictor: Predictor | BitPredictor | None
    parts: tuple[Part, ...] = ()
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    arrays: dict[str, dict[str, NDArray[Any]]] = field(default_factory=dict)
    pictures: dict[str, list[tuple[str, Tensor]]] = field(default_factory=dict)


def made_of(trained: "Made | Predictor") -> Made:
    """What a method's `train` returned, as a `Made`: one's own method may return a predictor alone."""
    return trained if isinstance(trained, Made) else Made(trained)


def checked(predicted: Any, n_images: int, num_classes: int) -> dict[str, Said]:
    """What a predictor, perhaps of one's own method, returned for a batch.

    Raises:
        UserError: it is something else than logits (n_images, num_classes), features (n_images, units) and perhaps
            diagnostics (n_images,) by variant.
    """
    if not isinstance(predicted, dict) or not predicted:
        found = "an empty dict" if isinstance(predicted, dict) else type(predicted).__name__
        raise UserError(f"method: its predictor returns {found}: {{variant: (logits, features)}} is needed.")
    for variant, said in predicted.items():
        pair, more = (said[:2], said[2:]) if isinstance(said, tuple) else (said, ())
        good = isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(x, Tensor) and x.ndim == 2 for x in pair)
        if not good or pair[0].shape != (n_images, num_classes) or len(pair[1]) != n_images:
            one_by_one = pair if isinstance(pair, tuple) else [pair]
            found = ", ".join(str(tuple(x.shape)) if isinstance(x, Tensor) else type(x).__name__ for x in one_by_one)
            raise UserError(
                f"method: its predictor returns {found} as {variant}: logits {(n_images, num_classes)} and "
                f"penultimate features ({n_images}, units) are needed."
            )
        numbers = more[0].values() if len(more) == 1 and isinstance(more[0], dict) else [None] * len(more)
        if any(not isinstance(x, Tensor) or x.shape != (n_images,) for x in numbers):
            raise UserError(
                f"method: its predictor returns more than logits and features as {variant}: {{name: numbers "
                f"({n_images},)}} is allowed."
            )
    return predicted
