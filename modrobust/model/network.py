"""A network as an ordered list of named blocks, any of whose inputs a module can work on."""

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn

from modrobust.errors import UserError


class Network(nn.Module):
    """Blocks applied one after the other; *level* i is the input of block i.

    Level 0 is image space, the last level is the input of the classifier, which is the last block.
    The network's parameters are those of its blocks: modules and autoencoders belong to who makes them.
    It can be pickled and copied where its two building functions can.

    Args:
        blocks: block by name, in order.
        module_for_level: builds a module that keeps the shape of the features of a level.
        autoencoder: builds a network from images (N, 3, H, W) to images of the same shape.
        last: the level that `last` means; None: the input of the first block without a convolution.
        undivided: why it is one block, where it could not be divided; its logits stand for penultimate features then.
    """

    def __init__(
        self,
        blocks: dict[str, nn.Module],
        module_for_level: Callable[[int], nn.Module],
        autoencoder: Callable[[], nn.Module],
        last: int | None = None,
        undivided: str | None = None,
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(OrderedDict(blocks))
        self._module_for_level = module_for_level
        self._autoencoder = autoencoder
        self._last, self.undivided = last, undivided

    @property
    def levels(self) -> int:
        """How many levels there are: one per block."""
        return len(self.blocks)

    @property
    def block_names(self) -> list[str]:
        """The blocks' names in order; the name at i belongs to the block that level i is the input of."""
        return list(self.blocks._modules)

    @property
    def after_convolutions(self) -> int:
        """The level that `last` means: the output of the last block that works on places of the image."""
        if self._last is not None:
            return self._last
        with_one = [any(isinstance(m, nn.Conv2d) for m in block.modules()) for block in self.blocks]
        return with_one.index(False)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """Logits, float32 (N, classes).

        Args:
            x: normalised images, float32 (N, 3, H, W); with ``start`` the features at that level.
            start: the level x belongs to.

        Raises:
            UserError: there is no level ``start``.
        """
        return self.blocks[-1](self.features(x, self.levels - 1, start))

    def features(self, x: Tensor, level: int, start: int = 0) -> Tensor:
        """The input of block ``level``, computed from the features x at level ``start``.

        Raises:
            UserError: one of the levels does not exist, or ``level`` comes before ``start``.
        """
        self._check(level)
        self._check(start)
        if level < start:
            raise UserError(
                f"Features at level {level} cannot be computed from those at level {start}: "
                f"allowed are levels {start}..{self.levels - 1}."
            )
        for block in list(self.blocks)[start:level]:
            x = block(x)
        return x

    def predict(self, x: Tensor, start: int = 0) -> tuple[Tensor, Tensor]:
        """Logits (N, classes) and penultimate features (N, units), the flattened input of the classifier.

        Args and errors are those of `forward`.
        """
        penultimate = self.features(x, self.levels - 1, start)
        if self.undivided:
            logits = self.blocks[-1](penultimate)
            return logits, logits
        return self.blocks[-1](penultimate), penultimate.flatten(1)

    def make_module(self, level: int) -> nn.Module:
        """A new module for the features at a level: its output has the shape of its input.

        Raises:
            UserError: there is no such level.
        """
        self._check(level)
        return self._module_for_level(level)

    def make_autoencoder(self) -> nn.Module:
        """A new autoencoder, from normalised images (N, 3, H, W) to the same shape."""
        return self._autoencoder()

    def _check(self, level: int) -> None:
        if not 0 <= level < self.levels:
            raise UserError(
                f"There is no level {level}: allowed are 0..{self.levels - 1}, "
                f"the inputs of {', '.join(self.block_names)}."
            )
