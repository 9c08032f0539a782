"""What a client wants to get, from its Accept and Accept-Encoding headers. Never raises.

A part that cannot be read is passed over: a scrape must not fail for a header.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

_OPENMETRICS: Final = "application/openmetrics-text"
_OPENMETRICS_VERSIONS: Final = ("", "1.0.0")
_TEXT_VERSIONS: Final = ("", "0.0.4")
_WEIGHT: Final = re.compile(r"[01](?:\.\d*)?|\.\d+", re.ASCII)


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics 1.0 is asked for by name and liked better than text 0.0.4.

    A wildcard does not ask for it: whoever sends only that may be a browser or know nothing of it.
    """
    openmetrics = 0.0
    text: dict[str, float] = {}
    for name, parameters in _parts(accept):
        weight = _weight(parameters)
        if weight is None:
            continue
        version = parameters.get("version", "")
        if name == _OPENMETRICS and version in _OPENMETRICS_VERSIONS:
            openmetrics = max(openmetrics, weight)
        elif version in _TEXT_VERSIONS:
            key = f"{name};{version}" if name == "text/plain" and version else name
            text[key] = max(text.get(key, 0.0), weight)
    return openmetrics > _most_specific(text)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a body is to be sent as gzip.

    Yes if gzip (or ``*``) has a weight above 0 and the client does not like ``identity`` better;
    also if it refuses ``identity`` without a word on gzip.
    """
    codings: dict[str, float] = {}
    for name, parameters in _parts(accept_encoding):
        weight = _weight(parameters)
        if weight is not None:
            codings[name] = weight
    gzip = codings.get("gzip", codings.get("x-gzip", codings.get("*")))
    if gzip is None:
        return codings.get("identity") == 0
    return gzip > 0 and gzip >= codings.get("identity", 0.0)


def _most_specific(text: Mapping[str, float]) -> float:
    for key in ("text/plain;0.0.4", "text/plain", "text/*", "*/*"):
        if key in text:
            return text[key]
    return 0.0


def _parts(header: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for part in header.split(","):
        name, *pairs = (piece.strip() for piece in part.split(";"))
        parameters: dict[str, str] = {}
        for pair in pairs:
            key, _, value = pair.partition("=")
            parameters.setdefault(key.strip().lower(), value.strip().strip('"'))
        yield name.lower(), parameters


def _weight(parameters: Mapping[str, str]) -> float | None:
    """Give the weight from 0 to 1; 1 if there is none, None if it cannot be read."""
    written = parameters.get("q", "1")
    return min(1.0, float(written)) if _WEIGHT.fullmatch(written) else None
