"""What to say when a configuration, or what is built from it, is wrong: one line. Imports no torch."""

import re
import traceback
from pathlib import Path

import hydra
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError
from yaml.error import MarkedYAMLError

from modrobust.config.command import found
from modrobust.config.keys import set_as_a_whole, unknown_choice, unknown_key, unknown_option, written
from modrobust.config.typed import typed
from modrobust.errors import UserError
from modrobust.terminal.refusals import refusal


def explain(error: BaseException, overrides: list[str]) -> str | None:
    """One line for a mistake in the configuration or the data; None where a traceback tells more.

    Args:
        error: what was raised while composing the configuration or by the run.
        overrides: the command line.
    """
    cause: BaseException | None = error
    while cause is not None:  # Hydra wraps what an instantiated object raises
        if isinstance(cause, UserError):
            return str(cause)
        if line := refusal(cause):
            return line
        last, cause = cause, cause.__cause__
    text = str(error)
    first = (text.splitlines() or [""])[0]
    if isinstance(error, MissingConfigException):
        return _missing_file(text)
    if match := re.match(r"Ambiguous value for argument '((.+?)=(.*))'", first):
        return f"'{match[1]}': write {match[2]}=[{match[3]}] for a list, or add -m for a run with each."
    if isinstance(error, ConfigCompositionException):
        return _not_composed(error, overrides)
    if isinstance(error, InstantiationException):
        return _not_instantiated(text, last)
    if isinstance(error, OverrideParseException):
        return f"'{error.override}' is not an override: write key=value; quote a value with special characters."
    if isinstance(error, MarkedYAMLError) and (mark := error.problem_mark):
        return f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}: {error.problem}."
    if isinstance(error, OmegaConfBaseException):
        return _not_read(error, first)
    if isinstance(error, ValueError) and _raised_by_hydra(error):  # for dataset=3, for flags that don't go together
        return unknown_choice(overrides) or _misread(overrides) or first
    if isinstance(error, HydraException | YAMLError):
        return " ".join(line.strip() for line in text.splitlines() if line.strip())
    return None


def _misread(overrides: list[str]) -> str | None:
    """The line for an option, of somebody's own, whose name is no text to Hydra; None where there is none."""
    for text in overrides:
        group, _, option = text.lstrip("+").partition("=")
        if option in found(overrides).options(group) and not isinstance(typed(option), str):
            return f"{text}: Hydra reads {option} as a number, null, true or false: give {option}.yaml another name."
    return None


def _raised_by_hydra(error: Exception) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(hydra.__file__).parent in Path(frames[-1].filename).parents


def _missing_file(text: str) -> str:
    """A group's option, chosen on the command line or by a YAML file, that does not exist."""
    found = re.match(r"In '(.+?)': Could not (?:find|load) '(.+)/([^/']+)'", text)
    if found is None:
        return text.splitlines()[0]
    allowed = [line.strip() for line in text.splitlines() if re.fullmatch(r"\t[\w-]+", line)]
    place = "" if found[1] in ("config", "hydra/config") else f"{found[1]}.yaml: "
    return place + unknown_option(found[2], found[3], allowed)


def _not_composed(error: ConfigCompositionException, overrides: list[str]) -> str:
    text = str(error)
    if match := re.match(r"Could not (?:override|delete from config\.) '(.+?)'", text):
        try:
            known = written([text for text in overrides if not text.startswith(f"{match[1]}=")])
            if match[1] in known:  # no option's name, for `training` has groups below it
                given = next((text for text in overrides if text.startswith(f"{match[1]}=")), match[1])
                groups = (text.partition("=")[0] for text in overrides if "," in text)
                if group := next((one for one in groups if given.startswith(f"{one.replace('/', '.')}.")), None):
                    key, _, value = given.partition("=")  # Hydra has looked for it in the option that is not chosen
                    return f"{given}: where {group} is swept, too, write '{key}=choice({value})'."
                return set_as_a_whole(given, match[1], known)
            if match[1].startswith(("search/pruner", "search.pruner", "search.warm_start")):
                return f"{match[1]}: only search=tpe has it; a grid tries every combination to its end."
            if match[1].startswith("search.steps.") and not any("search/steps=" in text for text in overrides):
                return f"{match[1]}: say which steps it is of: search/steps=<method>, such as search/steps=modules."
            return unknown_key(match[1], known)
        except HydraException:
            return f"There is no key '{match[1]}'."
    added = re.match(r"(?:Multiple values for |.*An item is already at ')([^'\s]+?)['.]", text)
    if added and any(override.startswith(f"+{added[1]}=") for override in overrides):
        return f"'+{added[1]}=...': there is a key '{added[1]}' already; leave out the +."
    return " ".join(line.strip() for line in f"{text}\n{error.__cause__ or ''}".splitlines() if line.strip())


def _not_instantiated(text: str, cause: BaseException) -> str:
    place = re.search(r"full_key: (\S+)", text) or re.search(r"target '([^']+)'", text)
    reason = (str(cause).splitlines() or [""])[0]
    if match := re.match(r"Error locating target '(.+?)'", text):
        reason = f"_target_ {match[1]} can't be imported: {reason}"
    elif not isinstance(cause, TypeError | InstantiationException):  # mostly about a parameter's name; Hydra's own
        frame = traceback.extract_tb(cause.__traceback__)[-1]
        reason = f"{type(cause).__name__}: {reason} ({frame.filename}, line {frame.lineno})"
    return f"{place[1] if place else 'configuration'}: {reason}"


def _not_read(error: OmegaConfBaseException, first: str) -> str:
    """A key that is missing, or refers to one that is."""
    if match := re.match(r"UserError raised while resolving interpolation: (.*)", first):
        return match[1]
    if match := re.match(r"KeyError raised while resolving interpolation: '(.+)'", first):
        return f"The key '{match[1]}' is missing."
    key = getattr(error, "full_key", None)
    if match := re.match(r"Interpolation key 'dataset\.(.+)' not found", first):
        return f"the dataset has no '{match[1]}', which {key} needs: this {str(key).split('.')[0]} is for others."
    if isinstance(error, ConfigAttributeError | ConfigKeyError):
        return f"The key '{key}' is missing."
    return f"{key}: {first}" if key else first
