"""The rows of the matrix: what goes wrong, and how it has to show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from exporter.simulator import Fault
from exporter.simulator.options import DoorKind

VENDORS = ("dezhu", "aliyun")
PHASES = ("first poll", "steady state", "mid paging", "during reload", "during shutdown")
Series = Literal["kept", "read on", "some gone", "gone"]


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A fault at one vendor, and what has to be seen of it.

    ``series`` of tasks that are ``kept`` are those of the last good reading, to the byte;
    others are of what the vendor still shows. ``codes`` are those that calls fail with.
    """

    faults: tuple[dict, ...] = ()
    token_expired: bool = False
    reason: str = ""
    codes: frozenset[str] = frozenset()
    series: Series = "kept"
    lists_alone: bool = False
    """Only lists of several rows or pages are in trouble."""
    door: DoorKind | None = None
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def up(self) -> bool:
        return not self.reason

    def on(self, account: str) -> list[Fault]:
        return [Fault(account=account, **fault) for fault in self.faults]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table; a text instead of a trouble says why there is none at a vendor."""

    name: str
    title: str
    dezhu: Trouble | str
    aliyun: Trouble | str
    waits: bool = False
    """It is a time-out: real time passes, in a run of its own."""
    crowded: bool = False
    """No fault, but an account of 200,000 tasks, in a run of its own."""

    def at(self, vendor: str) -> Trouble | str:
        return self.dezhu if vendor == "dezhu" else self.aliyun


def trouble(reason, code, *faults, **more):
    return Trouble(faults=faults, reason=reason, codes=frozenset({code} - {""}), **more)


def both(name, title, made, **more):
    return Row(name=name, title=title, dezhu=made, aliyun=made, **more)


def address(name, title, kind, code, door, **more):
    made = trouble("unavailable", code, {"kind": kind}, door=door)
    return both(name, title, made, **more)


def status(number, reason, title, **fault):
    made = trouble(reason, f"http_{number}", {"kind": "status", "http_status": number, **fault})
    return both(f"http-{number}", title, made)


def late(name, title, door=None, **fault):
    made = trouble("unavailable", "timeout", fault, door=door, settings={"timeout": "200ms"})
    return both(name, title, made, waits=True)


def lists(name, title, *kinds, dezhu, aliyun, **fault):
    """A fault of the list alone, with other words or another end at each vendor."""

    def at(operation, seen):
        made = tuple({"operation": operation, "kind": kind, **fault} for kind in kinds)
        return Trouble(faults=made, **seen)

    return Row(name=name, title=title, dezhu=at("page", dezhu), aliyun=at("ListJobGroups", aliyun))


def skewed(minutes):
    fault = {"kind": "clock_skew", "seconds": minutes * 60.0}
    way = "ahead" if minutes > 0 else "behind"
    place = "ahead of" if minutes > 0 else "behind"
    return Row(
        name=f"clock-{way}",
        title=f"The vendor's clock {abs(minutes)} minutes {place} ours",
        dezhu=trouble("auth", "10001", fault),
        aliyun=trouble("clock", "InvalidTimeStamp.Expired", fault),
    )


ENDLESS = {"reason": "protocol", "lists_alone": True}
READ = {"series": "read on"}
ROWS = (
    address("refused", "Connection refused", "refused", "connection", "plain"),
    both("reset", "Connection reset", trouble("unavailable", "connection", {"kind": "reset"})),
    both(
        "reset-mid-body",
        "Connection lost in the middle of an answer",
        trouble("unavailable", "connection", {"kind": "close_midway"}),
    ),
    address("dns", "Host name without an address", "unresolved", "dns", "named"),
    address("tls", "TLS: certificate of an unknown authority", "tls_untrusted", "tls", "tls"),
    address("expired-certificate", "TLS: expired certificate", "tls_expired", "tls", "tls"),
    late("connect", "Time-out: no connection", kind="unreachable", door="plain"),
    late("headers", "Time-out: no answer", kind="hang"),
    late("body", "Time-out: half an answer", kind="drip", seconds=3600.0),
    late("drip", "Time-out: an answer in drips", kind="drip", seconds=0.05),
    status(429, "rate_limited", "HTTP 429 with `Retry-After`", headers={"Retry-After": "20"}),
    status(500, "unavailable", "HTTP 500 without a body", body="empty"),
    status(502, "unavailable", "HTTP 502 with a page of HTML"),
    status(503, "unavailable", "HTTP 503 with `Retry-After`", headers={"Retry-After": "90"}),
    Row(
        name="throttling",
        title="Throttling code (`Throttling.User`)",
        dezhu="no code for it",
        aliyun=trouble(
            "rate_limited", "Throttling.User", {"kind": "code", "code": "Throttling.User"}
        ),
    ),
    Row(
        name="refused-credentials",
        title="Credentials refused for a while (`10001`, `SignatureDoesNotMatch`)",
        dezhu=trouble("auth", "10001", {"kind": "code", "code": "10001"}),
        aliyun=trouble(
            "auth", "SignatureDoesNotMatch", {"kind": "code", "code": "SignatureDoesNotMatch"}
        ),
    ),
    Row(
        name="expired-token",
        title="Expired security token",
        dezhu="no tokens",
        aliyun=trouble("auth", "InvalidSecurityToken.Expired", token_expired=True),
    ),
    skewed(20),
    skewed(-20),
    both("garbage", "Garbage", trouble("protocol", "malformed", {"kind": "garbage"})),
    both("truncated", "JSON cut in half", trouble("protocol", "malformed", {"kind": "truncated"})),
    both(
        "wrong-types",
        "JSON of other types",
        trouble("protocol", "malformed", {"kind": "wrong_types"}),
    ),
    both("huge", "Body over 8 MiB", trouble("protocol", "too_large", {"kind": "huge"})),
    both(
        "gzip-bomb",
        "120 kB of gzip that are 120 MB",
        trouble("protocol", "too_large", {"kind": "gzip_bomb"}),
    ),
    lists(
        "repeated-page",
        "Every page is the first",
        "repeat_page",
        dezhu=ENDLESS,
        aliyun=ENDLESS,
    ),
    lists(
        "shrinking-total",
        "Total that shrinks from page to page",
        "shrinking_total",
        dezhu=READ,
        aliyun=READ,
    ),
    lists(
        "moving-up",
        "Rows that move on to the next page",
        "moving_rows",
        amount=1,
        dezhu=READ,
        aliyun=READ,
    ),
    lists(
        "moving-down",
        "Rows that slip to the page before",
        "moving_rows",
        amount=-1,
        dezhu=ENDLESS,
        aliyun=ENDLESS,
    ),
    Row(
        name="duplicate-ids",
        title="Two rows with one id",
        dezhu=Trouble(faults=({"kind": "duplicate_ids", "operation": "page"},), **ENDLESS),
        # In the report of calls at once too.
        aliyun=Trouble(faults=({"kind": "duplicate_ids"},), **ENDLESS),
    ),
    lists(
        "duplicates-that-agree",
        "Two rows with one id, in a total that agrees",
        "duplicate_ids",
        "shrinking_total",
        dezhu=ENDLESS,
        aliyun=ENDLESS,
    ),
    lists(
        "empty",
        "Account whose lists are empty",
        "empty",
        dezhu={"series": "gone"},
        # Single job groups can still be asked for.
        aliyun={"series": "some gone"},
    ),
    both("crowd", "Account of 200,000 tasks", Trouble(series="read on"), crowded=True),
)


def expected(row: Row, vendor: str, phase: str) -> str:
    """What a cell of the table has to say."""
    made = row.at(vendor)
    if isinstance(made, str):
        return f"– ({made})"
    if phase == "during shutdown":
        return "ends"
    return "1" if row.crowded else f"{made.up:d} → 1"
