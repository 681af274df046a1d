"""The one exception for mistakes a person can mend, and the nearest name to a misspelt one."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something outside the program is wrong: shown as one line, without a traceback.

    The message says what is wrong, what was found and what is allowed.
    """


class Diverged(UserError):
    """A training's loss became infinite or not a number: with the same configuration it always does."""


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
