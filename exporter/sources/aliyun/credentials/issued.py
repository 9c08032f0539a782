"""Temporary credentials as a service hands them out: JSON to values."""

from datetime import datetime
from typing import Any, Final

import msgspec

from exporter.errors import PollError, Reason
from exporter.reply import Reply, http_error, malformed
from exporter.secret import Secret
from exporter.sources.aliyun.credential_options import is_header_value
from exporter.sources.aliyun.credentials.model import Credentials

_KEYS: Final = ("AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration")
_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_WORDS: Final = {
    "timeout": "does not answer in time",
    "dns": "its host name cannot be resolved",
    "tls": "TLS failed; check its certificate and tls_config.ca_file",
    "address": "its address is not a URL",
}


def read_success(reply: Reply, *, whose: str) -> Credentials:
    """The credentials of an answer with ``Code`` ``Success``.

    ``whose`` names the service, for a person.

    Raises:
        PollError: It is another answer.
    """
    answer = json_object(reply, whose=whose)
    if answer.get("Code") != "Success":
        message = f"{whose} gives no credentials: expected Code Success in its answer"
        raise PollError(Reason.UNAVAILABLE, message)
    return credentials_of(answer, whose=whose)


def json_object(reply: Reply, *, whose: str) -> dict[str, Any]:
    """The JSON object of a success.

    Raises:
        PollError: It is no success, or no JSON object.
    """
    if not 200 <= reply.status < 300:
        raise refused(reply, whose=whose)
    try:
        answer = msgspec.json.decode(reply.body)
    except _UNDECODABLE:
        answer = None
    if not isinstance(answer, dict):
        raise malformed(f"{whose}: the answer is not a JSON object")
    return answer


def credentials_of(fields: Any, *, whose: str) -> Credentials:
    """The four keys of temporary credentials.

    Raises:
        PollError: One is missing or of no use.
    """
    texts = dict.fromkeys(_KEYS, "") if not isinstance(fields, dict) else fields
    for key in _KEYS:
        text = texts.get(key)
        if not isinstance(text, str) or not is_header_value(text):
            raise malformed(f"{whose}: {key}: expected text of ASCII characters")
    return Credentials(
        access_key_id=texts["AccessKeyId"],
        access_key_secret=Secret(texts["AccessKeySecret"]),
        security_token=Secret(texts["SecurityToken"]),
        expires_at=_epoch_seconds(texts["Expiration"], whose),
    )


def refused(reply: Reply, *, whose: str, advice: str = "") -> PollError:
    """The error for an answer that is no success."""
    error = http_error(reply)
    message = f"{whose} answers HTTP {reply.status}" + (f"; {advice}" if advice else "")
    return PollError(error.reason, message, code=error.code, retry_after=error.retry_after)


def unreachable(error: PollError, *, whose: str, advice: str = "") -> PollError:
    """The error for a call that got no whole answer, in words that fit the service."""
    told = _WORDS.get(error.code, "cannot be reached")
    if error.reason is Reason.PROTOCOL:
        told = error.message
    message = f"{whose}: {told}" + (f"; {advice}" if advice else "")
    return PollError(error.reason, message, code=error.code)


def _epoch_seconds(text: str, whose: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise malformed(f"{whose}: Expiration: expected a time such as 2026-01-31T12:00:00Z")
    return at.timestamp()
