"""The command line as Hydra reads it, and what Hydra finds for it. Hydra's private modules are imported here alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import IConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

from modrobust.config.options import CONF
from modrobust.errors import UserError, nearest

DRY_RUN = "--dry-run"


@dataclass(frozen=True)
class Command:
    """A command line.

    Attributes:
        flags: such as -m or --config-dir, with their values.
        overrides: key=value and group=option.
        config_name, config_dir, config_path: values of these flags; None where they are not given.
    """

    flags: tuple[str, ...]
    overrides: tuple[str, ...]
    config_name: str | None
    config_dir: str | None
    config_path: str | None


def parse(arguments: Sequence[str]) -> Command:
    """Tell flags from overrides, in whatever order they come. Raises UserError for a flag that does not exist.

    Our own flag, --dry-run, is an override of the sweep (of one run, too).
    """
    if DRY_RUN in arguments:
        arguments = ["-m", *(text for text in arguments if text not in (DRY_RUN, "-m", "--multirun"))]
        arguments.append("hydra.sweeper.dry_run=true")
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    given, unknown = parser.parse_known_intermixed_args(list(arguments))
    if unknown:
        known = [text for action in parser._actions for text in action.option_strings] + [DRY_RUN]
        raise UserError(
            f"there is no flag {unknown[0]}.{nearest(unknown[0], known)} All flags: modrobust --hydra-help."
        )
    left, flags = list(given.overrides), []
    for text in arguments:
        if left and text == left[0]:
            left.pop(0)
        else:
            flags.append(text)
    return Command(tuple(flags), tuple(given.overrides), given.config_name, given.config_dir, given.config_path)


@contextmanager
def composed_once(command: Command) -> Iterator[None]:
    """Within it Hydra does not compose a configuration, a tenth of a second, only to look up hydra.mode.

    Unless that may be set: by an override, or by a YAML file that is not ours.
    """
    places = {str(one.path).removeprefix("file://") for one in _search_path(command).get_path()}
    ours = command.config_name is None and places <= {"pkg://hydra.conf", str(CONF), "structured://"}
    setting = ("hydra=", "hydra.mode=", "hydra.searchpath=")
    if not ours or any(text.lstrip("+").startswith(setting) for text in command.overrides):
        yield
        return
    look_up = Hydra.get_mode
    Hydra.get_mode = lambda *_, **__: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        Hydra.get_mode = look_up  # type: ignore[method-assign]


def _refuse(message: str) -> NoReturn:
    raise UserError(f"{message[:1].lower()}{message[1:]}. All flags: modrobust --hydra-help.")


@dataclass(frozen=True)
class Found:
    """Where Hydra looks for YAML files.

    Attributes:
        path: providers and places, the first one wins.
        config_name: the YAML file that it begins with.
        more: the override of hydra.searchpath, where there is one.
        here: the current folder, which relative places refer to.
    """

    path: tuple[tuple[str, str], ...]
    config_name: str
    more: tuple[str, ...]
    here: Path

    def options(self, group: str) -> tuple[str, ...]:
        """A group's options; none where there is no such group."""
        return _options(self, group)

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """A configuration, without Hydra's own node."""
        cfg = self.loader.load_configuration(self.config_name, [*self.more, *overrides], RunMode.RUN)
        with open_dict(cfg):
            cfg.pop("hydra")
        return cfg

    @property
    def loader(self) -> ConfigLoader:
        """Of the YAML files."""
        return _loader(self.path)


def found(arguments: Sequence[str]) -> Found:
    """What Hydra finds: within a run or sweep by what Hydra was started with, else by a command line."""
    overrides: Iterable[str]
    if GlobalHydra.instance().is_initialized() and HydraConfig.initialized():
        hydra = HydraConfig.get()
        path: ConfigSearchPath = GlobalHydra.instance().config_loader().get_search_path()
        name, overrides = hydra.job.config_name, hydra.overrides.hydra
    else:
        try:
            command = parse(arguments)
        except UserError:  # which is told elsewhere
            command = parse([])
        path, name, overrides = _search_path(command), command.config_name, command.overrides
    more = tuple(text for text in overrides if text.lstrip("+").startswith("hydra.searchpath="))
    places = tuple((str(one.provider), str(one.path)) for one in path.get_path())
    return Found(places, name or "config", more, Path.cwd())


def packaged(here: Path) -> Found:
    """What is found without a command line, also within a program of somebody else's that uses Hydra.

    Args:
        here: the folder whose ./conf is searched, too.
    """
    places = tuple((str(one.provider), str(one.path)) for one in _search_path(parse([])).get_path())
    return Found(places, "config", (), here)


def _search_path(command: Command) -> ConfigSearchPath:
    """As Hydra makes it of a command line."""
    path = create_config_search_path(command.config_path or str(CONF))
    if command.config_dir:
        anchor = SearchPathQuery(provider="schema")
        path.prepend("command-line", f"file://{Path(command.config_dir).absolute()}", anchor)
    return path


@lru_cache(maxsize=8)
def _loader(path: tuple[tuple[str, str], ...]) -> ConfigLoaderImpl:
    Plugins.instance()  # which registers what can read the places
    search_path = ConfigSearchPathImpl()
    for provider, place in path:
        search_path.append(provider, place)
    return ConfigLoaderImpl(search_path)


@lru_cache(maxsize=256)
def _options(place: Found, group: str) -> tuple[str, ...]:
    return tuple(_repository(place).get_group_options(group, ObjectType.CONFIG)) if group else ()


@lru_cache(maxsize=8)  # the loader's own get_group_options looks for the places anew, for every group
def _repository(place: Found) -> IConfigRepository:
    """The YAML files, also in the places that the configuration or the command line names."""
    return _loader(place.path)._parse_overrides_and_create_caching_repo(place.config_name, list(place.more))[1]
