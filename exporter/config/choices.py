"""Words for a name that is not among the known ones."""

import difflib
import re
from collections.abc import Iterable
from typing import Final

_LONGEST_SHOWN: Final = 60
# Below it, "Asia" would be taken for "Asia/Oral".
_LEAST_LIKENESS: Final = 0.7


def quoted(text: str) -> str:
    """The text between quotes for a message: cut when long, control characters escaped."""
    cut = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return '"' + re.sub(r'[\\"]', r"\\\g<0>", cut).encode("unicode_escape").decode() + '"'


def suggestion(name: str, known: Iterable[str], *, list_all: bool = True) -> str:
    """``did you mean timeout?``, else the known names when there are few, else nothing."""
    names = list(known)
    lower = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=_LEAST_LIKENESS)
    if close:
        return f"did you mean {lower[close[0]]}?"
    return f"known are {', '.join(names)}" if list_all else ""


def unknown(what: str, known: Iterable[str], *, name: str) -> str:
    """The whole message for an unknown key, platform or collector."""
    return f"unknown {what}; {suggestion(name, known)}"
