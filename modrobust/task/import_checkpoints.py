"""Checkpoints of the published code as finished parts."""

import hashlib
import io
import logging
import pickle
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from modrobust.errors import UserError, nearest
from modrobust.method.contrastive import Contrastive
from modrobust.method.experiment import Experiment, Method
from modrobust.method.img_space import ImgSpace
from modrobust.method.made import made_of
from modrobust.method.modules import Modules
from modrobust.model.network import Network
from modrobust.store.files import read_json
from modrobust.store.parts import Part
from modrobust.task import published
from modrobust.task.published import Names

log = logging.getLogger(__name__)


class ImportCheckpoints:
    """Makes the parts that a run of this configuration would train out of files <Experiment>_<Block>_<Corruptions>.pt.

    Tensors are taken over by order and shape. A part tells the files it was made of (status.json: imported) and has
    no learning curve. Levels of searched modules are those of the files' names.
    """

    def __init__(self, folder: str) -> None:
        """Keep the folder. Raises UserError where it is none."""
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise UserError(f"task.folder={folder}: there is no such folder.")

    def __call__(self, experiment: Experiment, method: Method, own: Path) -> None:
        """Make all parts of a method that are missing.

        Raises:
            UserError: files are missing, damaged, ambiguous, or hold other tensors; or a part is finished already, made
                of something else.
        """
        names = Names.of(experiment.parts.common["model"]["_target_"], experiment.probe().levels)
        searched = isinstance(method, Modules | Contrastive) and method.level == "auto"
        hint, method = "", copy(method)
        if isinstance(method, Modules | ImgSpace):
            method.inferring = None  # of a router there is nothing to import
        if searched and isinstance(method, Modules):
            levels = {name: self._level(names, name) for name in experiment.corruption.names}
            method.level = levels
            hint = f" and 'method.level={_flow(levels)}'"
        given = partial(self._part, method, searched, names)
        made = made_of(method.train(replace(experiment, parts=replace(experiment.parts, finder=given))))
        log.info("%d parts are there: %s", len(made.parts), experiment.parts.root)
        log.info("To evaluate them: the same command without task and task.folder%s.", hint)

    def _level(self, names: Names, name: str) -> int:
        """The level whose module of a corruption there is a file of."""
        ending = f"_{published.corruptions(['Identity', name])}.pt"
        files = {level: f"AutoModules_{names.module(level)}{ending}" for level in range(names.levels)}
        found = [level for level, file in files.items() if (self.folder / file).exists()]
        if len(found) != 1:
            told = " and ".join(files[level] for level in found) or f"no AutoModules_<Module>{ending}"
            raise UserError(f"{self.folder} has {told}: one module is needed. {self._there()}")
        return found[0]

    def _part(self, method: Method, searched: bool, names: Names, part: Part, network: nn.Module) -> dict[str, Tensor]:
        """The weights of a part, whose folder is held."""
        pieces: dict[str, nn.Module]
        if isinstance(network, Network):
            pieces = dict(zip(names.blocks, network.blocks, strict=True))
        elif part.name.startswith("autoencoder-"):
            pieces = {name.capitalize(): piece for name, piece in network.named_children()}
        else:
            pieces = {names.module(part.depends["level"]): network}
        experiment = published.experiment(method, part.name, searched)
        ending = published.corruptions(part.depends["corruptions"])
        files = {f"{experiment}_{block}_{ending}.pt": piece for block, piece in pieces.items()}
        contents = {file: self._read(file) for file in files}
        digests = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
        finished = part.load()
        if finished is not None:
            before = (read_json(part.folder / "status.json") or {}).get("imported")
            if before != digests:
                how = "trained" if before is None else "imported from other files"
                raise UserError(f"{part.folder} is finished already, {how}: move it away to import {part.name}.")
            return finished
        for file, piece in files.items():
            piece.load_state_dict(matched(file, tensors(self.folder / file, contents[file]), piece))
        part.write_metrics([])
        part.finish(network.state_dict(), {"part": part.name, "imported": digests})
        log.info("imported: %s, %s", part.name, ", ".join(files))
        return network.state_dict()

    def _read(self, file: str) -> bytes:
        path = self.folder / file
        if not path.exists():
            names = [other.name for other in self.folder.glob("*.pt")]
            raise UserError(f"{path} is missing.{nearest(file, names)} {self._there()}")
        return path.read_bytes()

    def _there(self) -> str:
        names = sorted(path.name for path in self.folder.glob("*.pt"))
        more = f", ... ({len(names)} files)" if len(names) > 5 else ""
        return f"There are {', '.join(names[:5])}{more}." if names else "It has no .pt files."


def tensors(path: Path, content: bytes) -> list[Tensor]:
    """The tensors of a state dict in their order, on the CPU. Raises UserError where it holds anything but tensors."""
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0]
        raise UserError(f"{path} is damaged, or no state dict of tensors alone: {reason}.") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path} holds something else than a state dict of tensors.")
    return list(state.values())


def matched(file: str, found: list[Tensor], piece: nn.Module) -> dict[str, Tensor]:
    """Tensors under the names that a piece of a network has for them, by order. Raises UserError for other shapes."""
    wanted = piece.state_dict()
    shapes = [tuple(tensor.shape) for tensor in found]
    expected = [tuple(tensor.shape) for tensor in wanted.values()]
    if len(found) != len(wanted):
        raise UserError(f"{file} has {len(found)} tensors; the model's block has {len(wanted)}: {', '.join(wanted)}.")
    for name, shape, right in zip(wanted, shapes, expected, strict=True):
        if shape != right:
            raise UserError(f"{file}: its tensor for {name} has the shape {shape}, the model's {right}.")
    return dict(zip(wanted, found, strict=True))


def _flow(levels: Mapping[str, int]) -> str:
    return "{" + ",".join(f"{name}:{level}" for name, level in levels.items()) + "}"
