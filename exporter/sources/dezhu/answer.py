"""The envelope of every answer: success, or an error with its reason."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from exporter.errors import PollError, Reason
from exporter.reply import Reply, http_error, malformed, retry_after
from exporter.sources.framing import envelope
from exporter.sources.lenient import Fields, is_success

INCONCLUSIVE: Final = "inconclusive"
_SUCCESS: Final = "10000"

CODES: Final[Mapping[str, Reason]] = {
    "10001": Reason.AUTH,
    "10002": Reason.AUTH,
    "20001": Reason.UNAVAILABLE,
    "29002": Reason.CONFIG,
    "29008": Reason.UNAVAILABLE,
    INCONCLUSIVE: Reason.PROTOCOL,
}
"""Codes of the vendor, and our own for a look-up that told nothing."""

_MESSAGES: Final = {
    "10001": "authentication failed: check app_id, the private key, the signature and the clock",
    "10002": "no public key is uploaded for this app_id: upload the one of the private key",
    "20001": "the vendor says that the request failed; tried again with growing pauses",
    "29002": "the vendor refuses a parameter: check page_size and page_parameter",
    "29008": "the vendor reports a fault in its system; tried again with growing pauses",
}


class _Envelope(msgspec.Struct):
    code: Any = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


def payload(reply: Reply) -> msgspec.Raw:
    """The ``data`` of an answer that is a success.

    Raises:
        PollError: It is none.
        msgspec.DecodeError: It is not strictly JSON.
    """
    answer = envelope(_ENVELOPE, reply)
    code = Fields().text("code", answer.code).strip()
    if code == _SUCCESS and is_success(reply):
        return answer.data
    # Whatever body a gateway gives a throttled call, waiting is what it asks for.
    if code in _MESSAGES and reply.status != 429:
        raise PollError(
            CODES[code], f"{code}: {_MESSAGES[code]}", code=code, retry_after=retry_after(reply)
        )
    if not code and is_success(reply):
        raise malformed("code: expected text")
    raise http_error(reply)
