"""Cross entropy on compositions: what does seeing all orders of two corruptions teach about more?"""

from collections.abc import Iterable, Sequence
from itertools import permutations

from torch import Tensor

from modrobust.corruption.composition import label, parse
from modrobust.corruption.corruption import Corruption
from modrobust.errors import UserError
from modrobust.method.cross_entropy import OneNetwork
from modrobust.method.experiment import Experiment
from modrobust.method.fit import fit
from modrobust.method.made import Made
from modrobust.method.objectives import Unpaired
from modrobust.method.views import Views


class Pairs:
    """One network; all orders of so many corruptions are one data set, as the elemental sets are for cross_entropy.

    Its results for compositions that it was trained on are of new images, but of no new compositions; the table
    `seen` has their names.
    """

    def __init__(self, lr: float, lengths: Sequence[int]) -> None:
        """Keep the settings.

        Args:
            lr: learning rate.
            lengths: numbers of corruptions; 0 is Identity.
        """
        self.lr, self.lengths = lr, sorted(set(lengths))

    def train(self, experiment: Experiment) -> Made:
        """Train one network. Raises UserError where there are not so many corruptions."""
        seen = orders(experiment.corruption.names, self.lengths, "method.lengths")
        part = experiment.parts.part("pairs", experiment.elemental, lr=self.lr, lengths=self.lengths)
        corruption = Composed(experiment.corruption, seen)
        views = Views(experiment.dataset, corruption, experiment.seed, experiment.device, experiment.keep_bytes)
        network = experiment.network(part)
        objective = Unpaired(views, network, tuple(seen), experiment.training.batch_size)
        fit(part, network, objective, experiment.training, self.lr)
        return Made(OneNetwork(network.eval()), (part,), {"seen": [{"composition": name} for name in seen]})


def orders(names: Sequence[str], lengths: Sequence[int], key: str) -> list[str]:
    """The names of all compositions of so many corruptions. Raises UserError, naming the key, where there are none."""
    if max(lengths) > len(names):
        raise UserError(f"{key}={list(lengths)}: there are {len(names)} corruptions to compose.")
    return [label(some) for length in lengths for some in permutations(names, length)]


class Composed(Corruption):
    """Corruptions of which compositions are called by their names, as if they were elemental ones."""

    def __init__(self, corruption: Corruption, compositions: Sequence[str]) -> None:
        """Keep the names; images are the same to the bit as those that are tested."""
        self.corruption = corruption
        self.names = tuple(name for name in compositions if name != "Identity")

    def apply(
        self, images: Tensor, composition: Iterable[str], split: str, index: Tensor, epoch: int | None = None
    ) -> Tensor:
        """See `Corruption`."""
        names = [name for text in composition for name in parse(text)]
        return self.corruption.apply(images, names, split, index, epoch)
