"""What a call brought back, and what its HTTP status means when its body does not tell."""

from collections.abc import Mapping
from typing import Final

import msgspec

from exporter.errors import PollError, Reason
from exporter.retry_after import waiting_seconds

_PERMANENT_HTTP: Final = {
    401: Reason.AUTH,
    403: Reason.PERMISSION,
    429: Reason.RATE_LIMITED,
}
_NAMED_HTTP: Final = frozenset({401, 403, 404, 408, 429, 500, 502, 503, 504})

TRANSPORT_CODES: Final[Mapping[str, Reason]] = {
    "timeout": Reason.UNAVAILABLE,
    "dns": Reason.UNAVAILABLE,
    "connection": Reason.UNAVAILABLE,
    "proxy": Reason.UNAVAILABLE,
    "tls": Reason.UNAVAILABLE,
    "too_large": Reason.PROTOCOL,
    "malformed": Reason.PROTOCOL,
    "address": Reason.CONFIG,
    "http_401": Reason.AUTH,
    "http_403": Reason.PERMISSION,
    "http_404": Reason.CONFIG,
    "http_408": Reason.CONFIG,
    "http_429": Reason.RATE_LIMITED,
    "http_500": Reason.UNAVAILABLE,
    "http_502": Reason.UNAVAILABLE,
    "http_503": Reason.UNAVAILABLE,
    "http_504": Reason.UNAVAILABLE,
    "http_3xx": Reason.CONFIG,
    "http_4xx": Reason.CONFIG,
    "http_5xx": Reason.UNAVAILABLE,
}
"""Codes that any call may fail with, beside those of its source."""


class Reply(msgspec.Struct, frozen=True):
    """What came back, whole and inflated; header names in lower case.

    ``received_at`` is when, by our clock in epoch seconds; None if that is not known.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: float | None = None


def http_error(reply: Reply) -> PollError:
    """The error for a reply whose body names no code that is known: the HTTP status decides."""
    status = reply.status
    if status == 407:
        message = "HTTP 407: the proxy refuses; check the login in proxy_url"
        return PollError(Reason.UNAVAILABLE, message, code="proxy")
    if status < 300:
        return malformed("the answer has an unknown code")
    reason = _PERMANENT_HTTP.get(status, Reason.UNAVAILABLE if status >= 500 else Reason.CONFIG)
    code = f"http_{status}" if status in _NAMED_HTTP else f"http_{status // 100}xx"
    advice = {
        Reason.AUTH: "check the credentials",
        Reason.PERMISSION: "check the permissions of the account",
        Reason.RATE_LIMITED: "the vendor throttles; lower budget.requests_per_second",
        Reason.UNAVAILABLE: "tried again with growing pauses",
    }.get(reason, "check the address and the account's settings")
    return PollError(reason, f"HTTP {status}: {advice}", code=code, retry_after=retry_after(reply))


def malformed(message: str) -> PollError:
    """The error for an answer that is not of the agreed shape; ``message`` names the key's path."""
    return PollError(Reason.PROTOCOL, message, code="malformed")


def retry_after(reply: Reply) -> float | None:
    """Seconds the vendor asks us to wait; None if it does not say."""
    return waiting_seconds(reply.headers, received_at=reply.received_at)
