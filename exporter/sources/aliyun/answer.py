"""The envelope of every answer: success, or an error with its reason."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from exporter.errors import PollError, Reason, ScopeGone
from exporter.reply import Reply, http_error, malformed, retry_after
from exporter.sources.framing import envelope
from exporter.sources.lenient import Fields, is_success

NONCE_USED: Final = "SignatureNonceUsed"
NO_INSTANCE: Final = "NotExist.Instance"
NO_JOB_GROUP: Final = "NotExist.JobGroup"
TOKEN_CODES: Final = frozenset(
    {
        "InvalidSecurityToken",
        "InvalidSecurityToken.Expired",
        "InvalidSecurityToken.MismatchWithAccessKey",
        "InvalidSecurityToken.Malformed",
        "MissingSecurityToken",
    }
)
"""Codes that a refreshed security token may cure."""

CODES: Final[Mapping[str, Reason]] = {
    **dict.fromkeys(sorted(TOKEN_CODES), Reason.AUTH),
    "InvalidAccessKeyId": Reason.AUTH,
    "InvalidAccessKeyId.NotFound": Reason.AUTH,
    "InvalidAccessKeyId.Inactive": Reason.AUTH,
    "SignatureDoesNotMatch": Reason.AUTH,
    "IncompleteSignature": Reason.AUTH,
    "AuthenticationFail": Reason.AUTH,
    "InvalidTimeStamp": Reason.CLOCK,
    "InvalidTimeStamp.Expired": Reason.CLOCK,
    "InvalidTimeStamp.Format": Reason.CLOCK,
    "IllegalTimestamp": Reason.CLOCK,
    "Forbidden": Reason.PERMISSION,
    "Forbidden.RAM": Reason.PERMISSION,
    "Forbidden.RAMSTS": Reason.PERMISSION,
    "Forbidden.RiskControl": Reason.PERMISSION,
    "NoPermission": Reason.PERMISSION,
    "Throttling": Reason.RATE_LIMITED,
    "Throttling.User": Reason.RATE_LIMITED,
    "Throttling.Api": Reason.RATE_LIMITED,
    "InternalError": Reason.UNAVAILABLE,
    "UnknownError": Reason.UNAVAILABLE,
    "ServiceUnavailable": Reason.UNAVAILABLE,
    "ServiceTimeout": Reason.UNAVAILABLE,
    NONCE_USED: Reason.UNAVAILABLE,
    "InvalidApi.NotFound": Reason.CONFIG,
    "InvalidAction.NotFound": Reason.CONFIG,
    "InvalidProduct.NotFound": Reason.CONFIG,
    "NoSuchVersion": Reason.CONFIG,
    "UnsupportedHTTPMethod": Reason.CONFIG,
    "InvalidParameter": Reason.CONFIG,
    "MissingParameter": Reason.CONFIG,
    NO_INSTANCE: Reason.CONFIG,
    NO_JOB_GROUP: Reason.CONFIG,
}
"""Codes of the vendor; one that only belongs to a family counts as its head (``_FAMILIES``)."""

_FAMILIES: Final = (
    ("throttling", "Throttling"),
    ("invalidtimestamp.", "InvalidTimeStamp"),
    ("forbidden.", "Forbidden"),
    ("invalidaccesskeyid.", "InvalidAccessKeyId"),
    ("invalidsecuritytoken.", "InvalidSecurityToken"),
    ("authenticationfail.", "AuthenticationFail"),
    ("invalidparameter", "InvalidParameter"),
    ("missing", "MissingParameter"),
)
_KNOWN: Final = {code.lower(): code for code in CODES}

_ADVICE: Final = {
    Reason.AUTH: "check the access key, its secret and the security token",
    Reason.PERMISSION: "grant the outboundbot permission of this action",
    Reason.RATE_LIMITED: "the vendor throttles; lower budget.requests_per_second",
    Reason.UNAVAILABLE: "tried again with growing pauses",
    Reason.CONFIG: "check endpoint, instances and page_size",
}


class _Envelope(msgspec.Struct):
    upper: Any = msgspec.field(name="Code", default=None)
    lower: Any = msgspec.field(name="code", default=None)
    success: Any = msgspec.field(name="Success", default=None)


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


def check(reply: Reply, *, clock_offset: float | None) -> None:
    """Let a success pass; ``clock_offset`` is the vendor's clock less ours in seconds.

    Raises:
        ScopeGone: There is no such instance.
        PollError: The answer is another error.
        msgspec.DecodeError: It is not strictly JSON.
    """
    answer = envelope(_ENVELOPE, reply)
    fields = Fields()
    code = (fields.text("Code", answer.upper) or fields.text("code", answer.lower)).strip()
    failed = fields.flag("Success", answer.success) is False
    if is_success(reply) and code == "OK" and not failed:
        return
    known = known_code(code)
    if known is not None:
        raise _failure(known, reply, clock_offset)
    if not code and is_success(reply):
        raise malformed("Code: expected text")
    raise http_error(reply)


def known_code(code: str) -> str | None:
    """The code as it stands in ``CODES``, or the head of its family; None if it has neither."""
    lower = code.lower()
    if lower in _KNOWN:
        return _KNOWN[lower]
    return next((head for prefix, head in _FAMILIES if lower.startswith(prefix)), None)


def _failure(code: str, reply: Reply, clock_offset: float | None) -> PollError:
    reason, hint = CODES[code], retry_after(reply)
    if code == NO_INSTANCE:
        message = f"{code}: check the ids under instances and job_groups"
        return ScopeGone(reason, message, code=code, retry_after=hint)
    if reason is Reason.CLOCK:
        offset = "an unknown time" if clock_offset is None else f"{clock_offset:+.0f} s"
        advice = f"the vendor's clock differs from ours by {offset}; set ours by NTP"
    else:
        advice = _ADVICE[reason]
    return PollError(reason, f"{code}: {advice}", code=code, retry_after=hint)
