"""What passes between the vendors' servers, the faults and the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from exporter.simulator.campaign import Vendor

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request as the server understood it.

    Attributes:
        vendor: Whose server received it.
        account: The account that it names, verified or not; empty for an unknown one.
        operation: ``page`` at Dezhu, the action at Alibaba.
        scope: The Alibaba instance that it asks for.
        page: Page number, 1 the first; None where there are no pages.
        size: Rows asked for.
        statuses: The status filter as it came.
        nonce: The nonce, at Dezhu the signature.
    """

    vendor: Vendor
    account: str = ""
    operation: str = ""
    scope: str = ""
    page: int | None = None
    size: int = 0
    statuses: str = ""
    nonce: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response before it is sent. ``code`` is the vendor's."""

    code: str
    body: bytes
    ok: bool = True
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """How a fault bends paging before the rows are picked.

    Attributes:
        always_first: Every page is page 1.
        offset: Rows by which later pages are shifted.
    """

    always_first: bool = False
    offset: int = 0

    def start(self, page: int, size: int) -> int:
        """Return how many of the newest rows come before a page."""
        if self.always_first or page <= 1:
            return 0
        return max(0, (page - 1) * size + self.offset)


def encode(document: Any) -> bytes:
    """Return a document as JSON."""
    return msgspec.json.encode(document)
