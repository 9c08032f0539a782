"""Bytes of the exposition: escaping, headers, and segments that are compressed once.

Vendor families are gauges whose HELP has neither quote nor backslash, so text 0.0.4 and OpenMetrics
share every byte up to the exporter's own metrics at the end.

A segment carries its raw deflate form, ended by a sync flush. Such pieces, each made without a
history, may follow one another within one gzip stream; its checksum is combined from theirs. So a
publication compresses only what changed, and one account's part costs nothing either.
"""

import mmap
import re
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec
from isal import isal_zlib

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

MAX_LABEL_CHARACTERS: Final = 255
_MOBILE: Final = re.compile(r"(?<!\d)(1[3-9]\d)\d{8}(?!\d)", re.ASCII)
# Begins with a character that is searched for in C, so that most names cost next to nothing.
_MAYBE_MOBILE: Final = re.compile(r"1[3-9]\d{9}", re.ASCII)
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_UNSAFE: Final = re.compile(r'[\\"\n]')
_LEVEL: Final = 1
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_RAW: Final = -15
_MAPPED_BYTES: Final = 256 * 1024


def masked(name: str) -> str:
    """``name`` with whatever looks like a mobile number reduced to its first three digits."""
    return _MOBILE.sub(r"\1********", name) if _MAYBE_MOBILE.search(name) else name


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


Bytes = bytes | memoryview
"""What can be sent as it is."""


class Text(NamedTuple):
    """Whole lines in pieces that follow one another, ``samples`` lines in all."""

    pieces: Sequence[bytes]
    samples: int


class Segment(msgspec.Struct, frozen=True, gc=False):
    """Whole lines of the exposition, plain and deflated; ``samples`` of them are samples."""

    plain: Bytes
    deflated: bytes
    crc: int
    samples: int

    @property
    def plain_bytes(self) -> int:
        """Size without compression."""
        return len(self.plain)


def segment(plain: Bytes, *, samples: int) -> Segment:
    """Deflate lines. Takes a millisecond for each megabyte or two: call it off the event loop."""
    return _deflated(_deflater(), plain, samples)


def _deflater() -> "isal_zlib.Compress":
    return isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW)


def _deflated(deflater: "isal_zlib.Compress", plain: Bytes, samples: int) -> Segment:
    # A full flush forgets what came before: each piece stands alone, whatever stands beside it.
    deflated = deflater.compress(plain) + deflater.flush(isal_zlib.Z_FULL_FLUSH)
    return Segment(plain, deflated, isal_zlib.crc32(plain), samples)


def segments(texts: Sequence[Text]) -> list[Segment]:
    """The same for several texts that are made and dropped together; off the event loop too.

    They lie side by side. One by one they would lie scattered, each between what is free, which
    could then not be given back. Large ones have memory of their own, which goes back to the system
    with them. Between other objects it would stay with the process, which would then have twice
    what it exposes: what is published anew is there before what it replaces is dropped.
    """
    ends = list(accumulate(sum(map(len, text.pieces)) for text in texts))
    if not ends:
        return []
    pieces = (piece for text in texts for piece in text.pieces)
    if ends[-1] < _MAPPED_BYTES:
        view = memoryview(b"".join(pieces))
    else:
        memory = mmap.mmap(-1, ends[-1])
        for piece in pieces:
            memory.write(piece)
        # Nobody can write any more, and the pages go with the last view of them.
        view = memoryview(memory).toreadonly()
    places = zip(texts, [0, *ends], ends, strict=False)
    # One for all: it is 360 kB, and to make it takes longer than to deflate a few lines.
    deflater = _deflater()
    return [_deflated(deflater, view[start:end], text.samples) for text, start, end in places]


class Body(msgspec.Struct, frozen=True):
    """Segments in order as what is sent of them, and what a response has to know of the whole."""

    plain: tuple[Bytes, ...] = ()
    deflated: tuple[bytes, ...] = ()
    plain_bytes: int = 0
    deflated_bytes: int = 0
    crc: int = 0
    samples: int = 0

    def gzip_tail(self, tail: bytes) -> bytes:
        """What follows the deflated segments so that they and ``tail`` are one gzip stream."""
        deflater = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW)
        deflated = deflater.compress(tail) + deflater.flush(isal_zlib.Z_FINISH)
        crc = isal_zlib.crc32_combine(self.crc, isal_zlib.crc32(tail), len(tail))
        size = (self.plain_bytes + len(tail)) & 0xFFFFFFFF
        return deflated + crc.to_bytes(4, "little") + size.to_bytes(4, "little")


def gzip_head() -> bytes:
    """The first bytes of a gzip stream; no time and no name, so equal bodies are equal bytes."""
    return _GZIP_HEADER


def joined(parts: Iterable[Segment | Body]) -> Body:
    """Parts one after another as one body, at the cost of one step each."""
    plain: list[Bytes] = []
    deflated: list[bytes] = []
    plain_bytes = deflated_bytes = samples = crc = 0
    for part in parts:
        if isinstance(part, Body):
            plain += part.plain
            deflated += part.deflated
            deflated_bytes += part.deflated_bytes
        else:
            plain.append(part.plain)
            deflated.append(part.deflated)
            deflated_bytes += len(part.deflated)
        plain_bytes += part.plain_bytes
        samples += part.samples
        crc = isal_zlib.crc32_combine(crc, part.crc, part.plain_bytes)
    return Body(tuple(plain), tuple(deflated), plain_bytes, deflated_bytes, crc, samples)


def packed(body: Body) -> Body:
    """The same with its deflated form in one piece: thousands of small ones are slow to send."""
    return msgspec.structs.replace(body, deflated=(b"".join(body.deflated),))
