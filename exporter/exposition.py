"""Bytes of the exposition: escaping, headers, and segments that are compressed once.

Vendor families are gauges whose HELP has neither quote nor backslash, so text 0.0.4 and OpenMetrics
share every byte up to the exporter's own metrics at the end.

A segment carries its raw deflate form, ended by a sync flush. Such pieces, each made without a
history, may follow one another within one gzip stream; its checksum is combined from theirs. So a
publication compresses only what changed, and one account's part costs nothing either.
"""

import re
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

MAX_LABEL_CHARACTERS: Final = 255
_MOBILE: Final = re.compile(r"(?<!\d)(1[3-9]\d)\d{8}(?!\d)", re.ASCII)
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_UNSAFE: Final = re.compile(r'[\\"\n]')
_LEVEL: Final = 1
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_CRC_POLYNOMIAL: Final = 0xEDB88320
_ONE: Final = 1 << 31


def masked(name: str) -> str:
    """``name`` with whatever looks like a mobile number reduced to its first three digits."""
    return _MOBILE.sub(r"\1********", name)


def cut(text: str) -> str:
    """``text`` as long as a label shows it: 255 characters, and an ellipsis where there were more.

    Whoever keeps label values apart has to compare what is shown.
    """
    return text if len(text) <= MAX_LABEL_CHARACTERS else text[:MAX_LABEL_CHARACTERS] + "…"


def label_value(text: str) -> str:
    """``text`` as it stands between the quotes of a label: cut and escaped."""
    text = cut(text)
    return text.translate(_ESCAPES) if _UNSAFE.search(text) else text


def number(value: float) -> str:
    """A sample value: whole numbers without a fraction, 0 and 1 for booleans."""
    whole = int(value)
    return str(whole) if whole == value else repr(value)


def header(name: str, help_text: str) -> bytes:
    """The HELP and TYPE lines of a gauge, the same in both formats.

    Raises:
        ValueError: ``help_text`` holds what the two formats escape differently, or is empty.
    """
    if not help_text or _UNSAFE.search(help_text):
        raise ValueError(f"HELP of {name} must be plain text without quotes and backslashes")
    return f"# HELP {name} {help_text}\n# TYPE {name} gauge\n".encode()


class Segment(msgspec.Struct, frozen=True, gc=False):
    """Whole lines of the exposition, plain and deflated.

    ``shift`` is what combining checksums needs to know of the length: x to the number of bits.
    ``samples`` counts the lines that are samples.
    """

    plain: bytes
    deflated: bytes
    crc: int
    shift: int
    samples: int

    @property
    def plain_bytes(self) -> int:
        """Size without compression."""
        return len(self.plain)


def segment(plain: bytes, *, samples: int) -> Segment:
    """Deflate lines. Takes milliseconds for each megabyte: call it off the event loop."""
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = deflater.compress(plain) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return Segment(plain, deflated, zlib.crc32(plain), _shift(len(plain)), samples)


class Body(msgspec.Struct, frozen=True):
    """Segments in order, with what a response needs to know of them as a whole."""

    segments: tuple[Segment, ...] = ()
    plain_bytes: int = 0
    deflated_bytes: int = 0
    crc: int = 0
    shift: int = _ONE
    samples: int = 0

    def gzip_tail(self, tail: bytes) -> bytes:
        """What follows the deflated segments so that they and ``tail`` are one gzip stream."""
        deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        deflated = deflater.compress(tail) + deflater.flush(zlib.Z_FINISH)
        crc = _combined(self.crc, zlib.crc32(tail), _shift(len(tail)))
        size = (self.plain_bytes + len(tail)) & 0xFFFFFFFF
        return deflated + crc.to_bytes(4, "little") + size.to_bytes(4, "little")


def gzip_head() -> bytes:
    """The first bytes of a gzip stream; no time and no name, so equal bodies are equal bytes."""
    return _GZIP_HEADER


def joined(parts: Iterable[Segment | Body]) -> Body:
    """Parts one after another as one body, at the cost of one step each."""
    segments: list[Segment] = []
    plain_bytes = deflated_bytes = samples = crc = 0
    shift = _ONE
    for part in parts:
        if isinstance(part, Body):
            segments += part.segments
            deflated_bytes += part.deflated_bytes
        else:
            segments.append(part)
            deflated_bytes += len(part.deflated)
        plain_bytes += part.plain_bytes
        samples += part.samples
        crc = _combined(crc, part.crc, part.shift)
        shift = _multiplied(shift, part.shift)
    return Body(tuple(segments), plain_bytes, deflated_bytes, crc, shift, samples)


def _combined(first: int, second: int, shift: int) -> int:
    """CRC-32 of two texts in a row, from theirs and the length of the second."""
    return _multiplied(shift, first) ^ second


def _multiplied(left: int, right: int) -> int:
    """Product of two polynomials modulo that of CRC-32, bits reflected as zlib has them."""
    product = 0
    while left:
        if left & _ONE:
            product ^= right
        left = (left << 1) & 0xFFFFFFFF
        right = (right >> 1) ^ _CRC_POLYNOMIAL if right & 1 else right >> 1
    return product


@lru_cache(maxsize=8192)
def _shift(length: int) -> int:
    """Give x to the power of eight times ``length``, modulo the polynomial."""
    power, place = _ONE, 0
    while length:
        power = _multiplied(power, _shift_of_byte(length & 0xFF, place))
        length, place = length >> 8, place + 8
    return power


@lru_cache(maxsize=2048)
def _shift_of_byte(byte: int, place: int) -> int:
    """The same for a length of which one byte is set, ``place`` bits up; there are few of these."""
    power, square = _ONE, _ONE >> 8
    for _ in range(place):
        square = _multiplied(square, square)
    while byte:
        if byte & 1:
            power = _multiplied(power, square)
        square = _multiplied(square, square)
        byte >>= 1
    return power
