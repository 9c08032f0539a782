"""Faults: which there are, for which requests, and for how many of them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

import msgspec

from exporter.simulator.answers import Slide, Visit
from exporter.simulator.campaign import Vendor

Kind = Literal[
    "status",
    "code",
    "garbage",
    "truncated",
    "wrong_types",
    "field_types",
    "list_null",
    "no_id",
    "no_counts",
    "huge",
    "gzip_bomb",
    "hang",
    "slow",
    "drip",
    "reset",
    "close_midway",
    "repeat_page",
    "endless",
    "duplicate_ids",
    "shrinking_total",
    "moving_rows",
    "unknown_status",
    "empty",
    "date_skew",
    "clock_skew",
    "strange_names",
    "phone_names",
    "refused",
    "unreachable",
    "unresolved",
    "tls_untrusted",
    "tls_expired",
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
DOOR_KINDS: Final = frozenset(
    {"refused", "unreachable", "unresolved", "tls_untrusted", "tls_expired"}
)
KEPT_SPENT: Final = 1000


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong, and where. A field left out means any request.

    Kinds that replace the answer: ``status`` (``http_status``, ``body``, ``headers``), ``code``
    (``code``, ``message``, ``http_status``, ``headers``), ``garbage``, ``huge``, ``gzip_bomb``.
    Kinds of the connection: ``hang`` (until cleared), ``slow`` and ``drip`` (``seconds``),
    ``reset`` (before the headers), ``close_midway``, ``date_skew`` (``seconds``: the ``Date`` alone
    is off), ``clock_skew`` (``seconds``: so is the clock by which signatures are judged).
    Kinds of paging: ``repeat_page``, ``endless`` (``same_page``), ``duplicate_ids``,
    ``shrinking_total`` (``amount``), ``moving_rows`` (``amount``), ``empty`` (``total``).
    Kinds of the rows, for the first ``rows`` of the page or all: ``field_types``, ``no_id``,
    ``no_counts``, ``unknown_status``, ``strange_names``, ``phone_names``.
    ``no_counts`` takes all counts of a Dezhu row, and of a listed Alibaba row those that older
    documentation calls obsolete there.
    Kinds of the shape: ``truncated``, ``wrong_types``, ``list_null`` (``total``).
    Kinds of the address, for accounts that have a door of their own (``SimulatorOptions.doors``)
    and without effect on others: ``refused`` (nobody listens), ``unreachable`` (a connection never
    comes about), ``unresolved`` (the name of a named door has no address), ``tls_untrusted`` and
    ``tls_expired`` (the certificate of a TLS door).

    Attributes:
        kind: One of ``KINDS``.
        vendor: ``dezhu`` or ``aliyun``.
        account: Name of an account.
        scope: An Alibaba instance id.
        operation: ``page`` at Dezhu, an action at Alibaba.
        page: Page number, 1 the first.
        times: Only for the next so many requests that it fits.
        code: The vendor's code.
        message: Beside the code.
        http_status: 500 for ``status``; the usual one of the vendor for ``code``. At Alibaba 200
            gives the envelope with ``Success`` false.
        body: Of ``status``: ``html``, ``empty``, or the text itself.
        headers: Added to the answer, such as ``Retry-After``.
        seconds: Of waiting for ``slow``, between two pieces for ``drip``, added to the vendor's
            time for ``date_skew`` and ``clock_skew``.
        total: Replaces the total, where the kind says so.
        rows: How many rows of a page are hit.
        amount: By how much the total shrinks a page; by how many rows later pages slide, upwards
            (rows come twice) when positive, downwards (rows are missed) when negative.
        same_page: ``endless`` shows the rows of page 1 again and again, not new ids.
        size: Bytes of ``huge`` and inflated bytes of ``gzip_bomb``.
    """

    kind: Kind
    vendor: Vendor | None = None
    account: str | None = None
    scope: str | None = None
    operation: str | None = None
    page: int | None = None
    times: int | None = None
    code: str = ""
    message: str = ""
    http_status: int | None = None
    body: str = "html"
    headers: dict[str, str] = {}
    seconds: float = 1.0
    total: int | None = None
    rows: int | None = None
    amount: int = 1
    same_page: bool = False
    size: int | None = None

    def __post_init__(self) -> None:
        """Refuse a fault that means nothing.

        Raises:
            ValueError: It does; msgspec makes it a ``ValidationError`` when decoding.
        """
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault kind {self.kind!r}; known: {', '.join(KINDS)}")
        if self.vendor not in {None, "dezhu", "aliyun"}:
            raise ValueError(f"unknown vendor {self.vendor!r}; known: dezhu, aliyun")
        if self.kind == "code" and not self.code:
            raise ValueError("a fault of kind 'code' needs a code")
        if self.kind in DOOR_KINDS and (self.scope, self.operation, self.page, self.times) != (
            None,
            None,
            None,
            None,
        ):
            raise ValueError(f"{self.kind} is of a whole account: no scope, operation, page, times")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1")
        if self.http_status is not None and not 200 <= self.http_status <= 599:
            raise ValueError("http_status must be from 200 to 599")
        if self.seconds < 0 and self.kind not in {"date_skew", "clock_skew"}:
            raise ValueError("seconds must not be negative")

    def fits(self, visit: Visit) -> bool:
        """Tell whether a request is hit."""
        pairs = (
            (self.vendor, visit.vendor),
            (self.account, visit.account),
            (self.scope, visit.scope),
            (self.operation, visit.operation),
            (self.page, visit.page),
        )
        return all(want is None or want == have for want, have in pairs)


@dataclass(frozen=True, slots=True)
class Hit:
    """A fault that applies to a request, with the id under which it was set."""

    id: str
    fault: Fault


class FaultBook:
    """The faults in force, in the order they were set; all that fit a request apply to it."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._left: dict[str, int] = {}
        self._gone: dict[str, asyncio.Event] = {}
        self._count = 0
        self._watcher: Callable[[], None] | None = None

    def watch(self, watcher: Callable[[], None] | None) -> None:
        """Call this from now on after each change of what is in force; None: nobody."""
        self._watcher = watcher

    def set(self, fault: Fault) -> str:
        """Put a fault in force and return its id."""
        self._count += 1
        identity = f"fault-{self._count}"
        self._faults[identity] = fault
        if fault.times is not None:
            self._left[identity] = fault.times
        self._tell()
        return identity

    def _tell(self) -> None:
        if self._watcher is not None:
            self._watcher()

    def clear(self, identity: str | None = None) -> None:
        """Lift a fault, or all of them; what hangs by it goes on.

        Raises:
            KeyError: No fault was ever set under this id, or it was lifted before.
        """
        if identity is not None and identity not in self._faults:
            raise KeyError(identity)
        for name in [identity] if identity is not None else list(self._faults):
            del self._faults[name]
            self._left.pop(name, None)
            gone = self._gone.pop(name, None)
            if gone is not None:
                gone.set()
        self._tell()

    def active(self) -> Mapping[str, Fault]:
        """Return the faults that still hit requests, by id."""
        return {name: fault for name, fault in self._faults.items() if self._left.get(name, 1)}

    def holds(self, identity: str) -> bool:
        """Tell whether a fault has not been lifted, spent or not."""
        return identity in self._faults

    def match(self, visit: Visit) -> tuple[Hit, ...]:
        """Return the faults that hit a request, and count it."""
        hits = tuple(Hit(name, fault) for name, fault in self.active().items() if fault.fits(visit))
        for hit in hits:
            if hit.id in self._left:
                self._left[hit.id] -= 1
        self._forget_spent()
        return hits

    async def wait_until_cleared(self, identity: str) -> None:
        """Return once a fault has been lifted."""
        if identity in self._faults:
            await self._gone.setdefault(identity, asyncio.Event()).wait()

    def _forget_spent(self) -> None:
        # A spent fault stays for those who hang by it, but not for ever.
        spent = [name for name, left in self._left.items() if left == 0]
        for name in spent[:-KEPT_SPENT]:
            self.clear(name)


def slide_of(hits: tuple[Hit, ...]) -> Slide:
    """Return how the faults bend paging."""
    first = any(hit.fault.kind in {"repeat_page", "endless"} for hit in hits)
    moved = sum(hit.fault.amount for hit in hits if hit.fault.kind == "moving_rows")
    return Slide(always_first=first, offset=-moved)
