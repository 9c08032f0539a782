"""What every answer of a vendor has: an envelope and, in that of a list, rows and their number.

Unlike a field, a part of these that cannot be read costs the whole answer.
"""

from typing import Final, Protocol, TypeVar

import msgspec

from exporter.reply import Reply, http_error, malformed
from exporter.sources.lenient import Fields, as_object, is_success


class Listed(Protocol):
    """The object that holds a list, as it is decoded: each row, and the total, as it was sent."""

    rows: list[msgspec.Raw] | None
    total: msgspec.Raw


T = TypeVar("T")
L = TypeVar("L", bound=Listed)

_ANY: Final = msgspec.json.Decoder()


def envelope(decoder: msgspec.json.Decoder[T], reply: Reply) -> T:
    """The object that an answer is.

    Raises:
        PollError: It is none.
        msgspec.DecodeError: It is not strictly JSON; see ``tolerant``.
    """
    found = as_object(decoder, reply.body)
    if found is not None:
        return found
    raise malformed("the answer is not a JSON object") if is_success(reply) else http_error(reply)


def listed(
    decoder: msgspec.json.Decoder[L], raw: bytes | msgspec.Raw, *, rows: str, total: str
) -> tuple[list[msgspec.Raw], int | None]:
    """The rows of one page, and how many there are on all pages as ``total_of`` tells it.

    Args:
        decoder: Of the object that holds the list.
        raw: That object.
        rows: Key path of the list.
        total: Key path of the total.

    Raises:
        PollError: It is no object, or one without a list although there are rows, or without a
            number where that should be; names its path.
        msgspec.DecodeError: It is not strictly JSON; see ``tolerant``.
    """
    try:
        found = as_object(decoder, raw)
    except msgspec.ValidationError:
        raise malformed(f"{rows}: expected a list") from None
    if found is None:
        raise malformed(f"{rows.rpartition('.')[0]}: expected an object")
    count = total_of(found.total, path=total, rows=len(found.rows or ()))
    if found.rows is None and count != 0:
        raise malformed(f"{rows}: expected a list")
    return found.rows or [], count


def total_of(raw: msgspec.Raw, *, path: str, rows: int) -> int | None:
    """How many rows the vendor says there are in all, beside so many on this page.

    None where it does not say, or says that there are none beside some.

    Raises:
        PollError: It is no number; names ``path``.
    """
    fields = Fields()
    try:
        total = fields.count(path, _ANY.decode(raw))
    except msgspec.ValidationError:
        raise malformed(f"{path}: expected a number") from None
    if fields.unknown:
        raise malformed(f"{path}: expected a number")
    return total if total or not rows else None
