"""The one exception for mistakes a person can mend, the nearest name to a misspelt one, errors of a user's own code."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from sysconfig import get_path
from traceback import extract_tb


class UserError(Exception):
    """Something outside the program is wrong: shown as one line, without a traceback.

    The message says what is wrong, what was found and what is allowed.
    """


class Diverged(UserError):
    """A training's loss became infinite or not a number: with the same configuration it always does."""


class Pruned(Exception):
    """A search gives up a trial whose learning curve is hopeless: no failure, and what was trained is kept."""


class NotDone(UserError):
    """Runs of a sweep are not done, though none of them is queued or running any more; each was told before."""


def closest(name: str, allowed: Iterable[str]) -> str | None:
    """The name most like a misspelt one; None where no name is near."""
    names = list(allowed)
    close = get_close_matches(name, names, n=1, cutoff=0.6) or get_close_matches(
        name.lower(), [n for n in names if n.islower()], n=1, cutoff=0.6
    )
    return close[0] if close else None


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A clause ``did you mean 'x'?`` with a leading space, or nothing where no name is near."""
    close = closest(name, allowed)
    return f" Did you mean '{close}'?" if close else ""


def line_of(error: Exception) -> str:
    """What an error of a user's own code says, and the last line of that code that it came from.

    That is the last that belongs neither to this package nor to an installed one nor to Python's own.
    """
    text = (str(error).splitlines() or [""])[0]
    if isinstance(error, UserError):
        return text
    frames = extract_tb(error.__traceback__)
    libraries = {"site-packages", "dist-packages"}
    places = (str(Path(__file__).parent / "_")[:-1], get_path("stdlib"))
    own = [f for f in frames if not libraries & {*Path(f.filename).parts} and not f.filename.startswith(places)]
    last = (own or frames)[-1] if frames else None
    place = f" ({last.filename}, line {last.lineno})" if last else ""
    return f"{type(error).__name__}: {text}{place}"
