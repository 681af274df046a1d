"""What Python users import from `modrobust`: compositions and evaluate, without Hydra's command line or state."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from hydra.utils import instantiate
from numpy.typing import NDArray
from torch import Tensor, nn

from modrobust.config.command import packaged
from modrobust.config.keys import unknown_option
from modrobust.corruption.choice import choose
from modrobust.corruption.composition import label
from modrobust.corruption.corruption import Corruption
from modrobust.dataset.given import Images, given
from modrobust.errors import UserError, line_of
from modrobust.evaluation.results import Results
from modrobust.evaluation.testing import corrupted
from modrobust.method.modes import evaluating
from modrobust.progress import bar

COLUMNS = ["composition", "n_corruptions", "n_images", "loss", "accuracy"]


def compositions(corruption: str | Corruption = "six") -> list[str]:
    """The names of the compositions that a study of these corruptions tests, such as "Contrast-Swirl".

    Args:
        corruption: a file of the group `corruption`, of this package or in ./conf/corruption; or the object.

    Raises:
        UserError: there is no such file.
    """
    return [label(one) for one in _corruption(corruption).compositions]


def evaluate(
    network: nn.Module | Callable[[Tensor], Tensor],
    images: Images,
    labels: Sequence[int] | Tensor | NDArray[Any] | None = None,
    corruption: str | Corruption = "six",
    *,
    compositions: Iterable[str] | None = None,
    max_length: int | None = None,
    prepare: Callable[[Tensor], Tensor] | None = None,
    index: Sequence[int] | Tensor | None = None,
    split: str = "test",
    batch_size: int = 256,
    device: torch.device | str | None = None,
) -> pd.DataFrame:
    """Test a classifier on compositions of corruptions: the numbers that the command gives for the same network.

    Args:
        network: from what `prepare` makes to logits (B, classes). It is put into evaluation mode meanwhile.
        images: uint8 (N, C, H, W) or (N, H, W), floating in 0..1, or a dataset of torchvision of (image, class).
        labels: classes (N,); None where images are a dataset.
        corruption: see `compositions`.
        compositions: names of those to test; None for all of the corruptions.
        max_length: only those of at most so many corruptions.
        prepare: from corrupted images, uint8 (B, C, H, W), to what the network takes, such as
            `weights.transforms()` of torchvision; None: float32 in 0..1.
        index: keys the noise of each image (N,), as in the dataset of a run; None: its position.
        split: part of the same key, so that images of train and test with the same index differ.
        batch_size: images a forward pass.
        device: where; None: that of the network's weights.

    Returns:
        A row for each composition: composition, n_corruptions, n_images, loss (nats), accuracy (percent).

    Raises:
        UserError: a name is unknown, images, labels or logits are not as needed; the network fails.
    """
    some = _corruption(corruption)
    chosen = choose(some.compositions, some.elemental, compositions, max_length)
    data = given(images, labels, index)
    weights = list(network.parameters()) if isinstance(network, nn.Module) else []
    place = torch.device(device) if device is not None else weights[0].device if weights else torch.device("cpu")
    results = Results(chosen, len(data), 0, activations=False, device=place)
    predict = partial(_predict, network, prepare or (lambda batch: batch.float() / 255))
    with evaluating(*[network] if isinstance(network, nn.Module) else []), bar("testing", len(data)) as shown:
        for start in range(0, len(data), batch_size):
            batch = data.take(slice(start, start + batch_size), place)
            for composition, seen in corrupted(some, chosen, batch.inputs, split, batch.index):
                logits = predict(seen, int(data.targets.max()))
                results.add("default", composition, start, logits, logits, batch.targets)
            shown.advance(len(batch))
    return results.rows(data.targets.numpy(force=True), {})[COLUMNS]


def _corruption(corruption: str | Corruption) -> Corruption:
    if isinstance(corruption, Corruption):
        return corruption
    found = packaged(Path.cwd())
    allowed = found.options("corruption")
    if corruption not in allowed:
        raise UserError(unknown_option("corruption", corruption, allowed))
    made: Corruption = instantiate(found.compose([f"corruption={corruption}"]).corruption)
    return made


def _predict(
    network: Callable[[Tensor], Tensor], prepare: Callable[[Tensor], Tensor], seen: Tensor, most: int
) -> Tensor:
    """Logits of corrupted images; a network that fails is told which images it was given."""
    try:
        logits = network(prepare(seen))
    except Exception as error:
        raise UserError(
            f"evaluate: the network does not take images {tuple(seen.shape)} as `prepare` makes them: {line_of(error)}"
        ) from error
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(seen) or logits.shape[1] <= most:
        kind = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise UserError(f"evaluate: the network returns {kind}: logits ({len(seen)}, {most + 1} or more) are needed.")
    return logits.float()
