"""How files of the published code are called: <Experiment>_<Block>_<Corruptions>.pt (arXiv 2306.09005)."""

from dataclasses import dataclass

from modrobust.errors import UserError
from modrobust.method.contrastive import Contrastive
from modrobust.method.cross_entropy import CrossEntropy
from modrobust.method.experiment import Method
from modrobust.method.img_space import ImgSpace
from modrobust.method.modules import Modules

FAMILY = {"five_by_five": "Conv", "resnet18": "Resnet", "inception_v3": "Inception"}
CLASSIFIER = {"Conv": "Classifier", "Resnet": "ResnetClassifier", "Inception": "InceptionClassifier"}


@dataclass(frozen=True)
class Names:
    """What a network's blocks and modules are called.

    Attributes:
        kind: Conv, Resnet or Inception.
        levels: how many blocks the network has.
    """

    kind: str
    levels: int

    @classmethod
    def of(cls, target: str, levels: int) -> "Names":
        """By the function that builds the network. Raises UserError for one that was not published."""
        name = target.rpartition(".")[2]
        if name not in FAMILY:
            raise UserError(f"model: files of the published code are of {', '.join(FAMILY)}, not of {name}.")
        return cls(FAMILY[name], levels)

    @property
    def blocks(self) -> list[str]:
        """All blocks in order."""
        numbered = [f"{self.kind}Block{i}" for i in range(1, self.levels)]
        if self.kind == "Conv":
            numbered[-1] = "FullyConnected"
        return [*numbered, CLASSIFIER[self.kind]]

    def module(self, level: int) -> str:
        """The module at a level."""
        return f"{'FullyConnected' if self.kind == 'Conv' and level == self.levels - 1 else self.kind}Module{level}"


def experiment(method: Method, part: str, searched: bool) -> str:
    """What the files of a part begin with.

    Args:
        method: an instance.
        part: its name.
        searched: whether the method searches its levels.

    Raises:
        UserError: the published code has no such files.
    """
    if isinstance(method, CrossEntropy):
        return "CrossEntropy"
    if isinstance(method, Contrastive) and not searched:
        return "Contrastive"
    if isinstance(method, Modules):
        return "AutoModules" if searched and part.startswith("module-") else "Modules"
    if isinstance(method, ImgSpace):
        return "ImgSpace" if part.startswith("autoencoder-") else "ImgSpaceClassifier"
    allowed = "cross_entropy, contrastive (at given levels), modules, auto_modules and img_space"
    raise UserError(f"method: the published code has files of {allowed}.")


def corruptions(names: list[str]) -> str:
    """How a file tells its corruptions: sorted, Identity last."""
    return "-".join([*sorted(set(names) - {"Identity"}), *(["Identity"] if "Identity" in names else [])])
