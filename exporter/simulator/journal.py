"""Log of the requests that the simulated vendors received."""

from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

from exporter.simulator.answers import Visit
from exporter.simulator.campaign import Vendor

KEPT: Final = 200_000


class RequestRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request. ``time`` is epoch seconds of the clock; fields as in ``Visit``.

    ``outcome`` is the vendor's code, or the kinds of the faults that hit the request joined by
    ``+``; ``http_status`` that of the answer.
    """

    time: float
    vendor: Vendor
    account: str
    operation: str
    scope: str
    page: int | None
    size: int
    statuses: str
    nonce: str
    outcome: str
    http_status: int


class RequestLog:
    """The latest 200,000 requests, oldest first."""

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=KEPT)

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[RequestRecord]:
        return iter(tuple(self._records))

    def note(self, time: float, visit: Visit, *, outcome: str, http_status: int) -> None:
        """Record a request that was understood so far."""
        self._records.append(
            RequestRecord(
                time=time,
                vendor=visit.vendor,
                account=visit.account,
                operation=visit.operation,
                scope=visit.scope,
                page=visit.page,
                size=visit.size,
                statuses=visit.statuses,
                nonce=visit.nonce,
                outcome=outcome,
                http_status=http_status,
            )
        )

    def since(self, time: float) -> list[RequestRecord]:
        """Return what was received from a time (epoch seconds) on."""
        return [record for record in self._records if record.time >= time]

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()
