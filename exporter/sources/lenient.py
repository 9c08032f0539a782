"""Reading what a vendor sent when a number may be text, text a number, and anything absent.

What is common to all vendors: a value that cannot be read costs its field and nothing more, and the
name of the field is kept for the counter of unknown values. Empty text counts as absent.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any, Final, TypeVar

import msgspec

from exporter.domain import Window
from exporter.reply import Reply, http_error, malformed
from exporter.sources.templates import Noted

T = TypeVar("T")

LARGEST_COUNT: Final = 2**53  # the last integer that a sample, a float, holds exactly
LARGEST_MILLISECONDS: Final = 253_402_214_400_000  # the last day of the year 9999
_LARGEST_ID_BITS: Final = 256
_MENDED_UP_TO_BYTES: Final = 512 * 1024
_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))?")
_FLAGS: Final = {"true": True, "false": False, "1": True, "0": False}
_DAY_SECONDS: Final = 86_400


class Fields:
    """Converts the fields of one row and remembers the names of those that it could not read."""

    __slots__ = ("_unreadable",)

    def __init__(self) -> None:
        self._unreadable: dict[str, None] = {}

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the fields that could not be read, each once, in their order."""
        return tuple(self._unreadable)

    def note(self, name: str) -> None:
        """Remember that the field could not be read."""
        self._unreadable[name] = None

    def taken(self, noted: Noted[T]) -> T:
        """A part of the row that was read apart, its unreadable fields remembered here."""
        for name in noted[1]:
            self.note(name)
        return noted[0]

    def number(self, name: str, value: Any) -> float | None:
        """A finite number that is not negative."""
        if type(value) is int and 0 <= value <= LARGEST_COUNT:
            return float(value)
        if value is None or value == "":
            return None
        read = finite(value)
        if read is None or read < 0:
            self.note(name)
            return None
        return read

    def count(self, name: str, value: Any) -> int | None:
        """A whole number that is not negative."""
        if type(value) is int and 0 <= value <= LARGEST_COUNT:
            return value
        read = self.number(name, value)
        if read is None:
            return None
        if not read.is_integer() or read > LARGEST_COUNT:
            self.note(name)
            return None
        return int(read)

    def ratio(self, name: str, value: Any) -> float | None:
        """A percentage such as ``"50.00%"`` or ``50`` as a ratio."""
        if type(value) is not str:
            percent = self.number(name, value)
            return None if percent is None else percent / 100
        ratio = _ratio(value)
        if ratio is None and value:
            self.note(name)
        return ratio

    def moment(self, name: str, value: Any) -> float | None:
        """Epoch milliseconds as epoch seconds."""
        read = self.number(name, value)
        if read is None:
            return None
        if not 0 < read <= LARGEST_MILLISECONDS:
            self.note(name)
            return None
        return read / 1000

    def flag(self, name: str, value: Any) -> bool | None:
        """A truth value, also as 0 and 1 or as text."""
        if value is None or isinstance(value, bool):
            return value
        if type(value) is int and 0 <= value <= 1:
            return value == 1
        read = _FLAGS.get(str(value).strip().lower()) if isinstance(value, int | str) else None
        if read is None and value != "":
            self.note(name)
        return read

    def text(self, name: str, value: Any) -> str:
        """Text, also from a number; empty where there is none."""
        if type(value) is str:
            return value
        if type(value) is int and 0 <= value <= LARGEST_COUNT:
            return str(value)
        read = _text_of_number(value)
        if read is None and value is not None:
            self.note(name)
        return read or ""

    def choice(self, name: str, value: Any, meanings: Mapping[int, T]) -> T | None:
        """What a number stands for."""
        number = value if type(value) is int else self.count(name, value)
        if number is None:
            return None
        meaning = meanings.get(number)
        if meaning is None:
            self.note(name)
        return meaning

    def mapping(self, name: str, value: Any) -> Mapping[str, Any] | None:
        """A JSON object."""
        if value is None or isinstance(value, dict):
            return value
        self.note(name)
        return None

    def mappings(self, name: str, value: Any) -> Sequence[Mapping[str, Any]]:
        """The objects of a list; what is no object there is left out."""
        if value is None:
            return ()
        if not isinstance(value, list):
            self.note(name)
            return ()
        for item in value:
            if type(item) is not dict:
                self.note(name)
                return [item for item in value if isinstance(item, dict)]
        return value

    def window(self, name: str, start: Any, end: Any) -> Window | None:
        """A calling window from two times of day."""
        texts = isinstance(start, str) and isinstance(end, str)
        window = _window(start, end) if texts else None
        if window is None:
            self.note(name)
        return window


def tolerant(reply: Reply, read: Callable[[Reply], T]) -> T:
    """Read a reply, once more as a lenient reader sees it where it is not strictly JSON.

    A single half of a surrogate pair, which is what is left of a name that was cut within an emoji,
    would otherwise cost the whole page.

    Raises:
        PollError: From ``read``, or because the body is no JSON at all.
    """
    try:
        return read(reply)
    except _UNDECODABLE:
        body = _mended(reply.body)
    if body is not None:
        try:
            return read(Reply(status=reply.status, headers=reply.headers, body=body))
        except _UNDECODABLE:
            pass
    raise malformed("the answer is not JSON") if is_success(reply) else http_error(reply)


def is_success(reply: Reply) -> bool:
    """Tell whether the HTTP status is a 2xx."""
    return 200 <= reply.status < 300


def finite(value: Any) -> float | None:
    """A finite number from a number or from text; None for anything else."""
    if type(value) is int and 0 <= value <= LARGEST_COUNT:
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.fullmatch(text) else None
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def as_object(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw) -> T | None:
    """Decode a JSON object; None for a JSON value of another kind.

    Raises:
        msgspec.DecodeError: It is not strictly JSON; see ``tolerant``.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        # A number out of range is told in the same way as a value of another kind.
        if bytes(raw).lstrip()[:1] == b"{":
            raise
        return None


def _mended(body: bytes) -> bytes | None:
    """The body without what strict JSON forbids; None where that is not to be had."""
    if len(body) > _MENDED_UP_TO_BYTES:
        return None
    try:
        value = json.loads(
            body.decode("utf-8", "replace"), parse_float=_kept, parse_int=_kept, parse_constant=str
        )
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return None


def _kept(text: str) -> float | int | str:
    """A number; one that is out of range stays text and is refused where it is converted."""
    if len(text) > 40:
        return text
    number = float(text)
    if not isfinite(number):
        return text
    return int(text) if text.lstrip("-").isdigit() else number


def _text_of_number(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return str(value) if value.bit_length() <= _LARGEST_ID_BITS else None


# Cached, because the values of most rows come again with every poll; few, since they cost little.
@lru_cache(maxsize=512)
def _ratio(text: str) -> float | None:
    percent = finite(text.strip().removesuffix("%"))
    return None if percent is None or percent < 0 else percent / 100


@lru_cache(maxsize=256)
def _window(start: str, end: str) -> Window | None:
    first, last = _second_of_day(start), _second_of_day(end)
    if first is None or last is None or first == _DAY_SECONDS:
        return None
    return Window(first, last)


def _second_of_day(text: str) -> int | None:
    """Seconds after midnight of ``HH:mm:ss`` or ``HH:mm``; 86,400 for 24:00:00."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    return total if total <= _DAY_SECONDS else None
