"""What goes wrong at the vendors, at random, and for how long an account may show it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exporter.simulator import AccessChange, Account, CredentialChange, Fault, Simulator

SHORTEST_SECONDS, LONGEST_SECONDS = 20.0, 900.0
SLOW_RETRY_SECONDS = 330.0
"""Refused credentials and missing permissions are tried again every 5 minutes, and a bit."""
TEMPORARY = "aliyun-demo"
"""The account whose credentials are temporary."""
CODES = {
    "dezhu": ("10001", "10002", "20001", "29002", "29008"),
    "aliyun": (
        *("Throttling.User", "SignatureDoesNotMatch", "InternalError", "ServiceUnavailable"),
        *("InvalidTimeStamp.Expired", "Forbidden", "InvalidParameter", "SomethingNew"),
    ),
}
LISTED = frozenset({"shrinking_total", "empty", "moving_rows"})
"""One at a time: a row that slips away in a total that shrinks to match leaves a list without
fault, and nobody can tell that a task is not there."""
THROTTLED_SECONDS = 900.0
"""After throttling the exporter stays slower, tells so, and finds back to its rate step by step."""
STATUSES = (
    {"http_status": 429, "headers": {"Retry-After": "20"}},
    {"http_status": 500, "body": "empty"},
    {"http_status": 502},
    {"http_status": 503, "headers": {"Retry-After": "90"}},
    {"http_status": 401},
    {"http_status": 404},
)
PLAIN = (
    *("garbage", "truncated", "wrong_types", "list_null", "reset", "close_midway"),
    *("repeat_page", "duplicate_ids", "shrinking_total", "empty", "unknown_status"),
    *("field_types", "no_id", "no_counts", "strange_names", "phone_names"),
)
OF_ANSWERS: dict[str, dict] = {
    **{kind: {} for kind in PLAIN},
    # What costs megabytes or real seconds comes a few times in a row and no more.
    "huge": {"times": 2},
    "gzip_bomb": {"times": 2, "size": 32 * 1024**2},
    "hang": {"times": 1},
    "slow": {"seconds": 0.05},
    "drip": {"seconds": 0.01},
    "date_skew": {"seconds": 1200.0},
    "endless": {"same_page": True, "times": 50},
    "moving_rows": {"amount": -1},
}
KINDS = (*OF_ANSWERS, "status", "code", "refused", "credentials")


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Something that is wrong with an account from ``since`` until ``until`` (epoch seconds)."""

    account: str
    kind: str
    since: float
    until: float = float("inf")

    @property
    def shows_until(self) -> float:
        """Until when it may still be seen, beside one interval."""
        return self.until + (THROTTLED_SECONDS if self.throttled else SLOW_RETRY_SECONDS)

    @property
    def throttled(self) -> bool:
        """Whether the vendor refused calls for their rate."""
        return self.kind == "throttled"


class Troubles:
    """Makes trouble and ends it; remembers which account had any, and when."""

    def __init__(self, simulator: Simulator, draw: random.Random) -> None:
        self._simulator, self._draw = simulator, draw
        self._running: dict[Trouble, tuple[float, Callable[[], object]]] = {}
        self._ended: list[Trouble] = []
        self._deck: list[str] = []
        self.made = 0
        self.kinds: set[str] = set()
        """Those that there have been."""

    def begin(self, now: float) -> None:
        """One more, somewhere."""
        if not self._deck:
            # As cards are dealt: none comes again before all have come.
            self._deck = list(KINDS)
            self._draw.shuffle(self._deck)
        kind = self._deck.pop()
        account = self._draw.choice(self._accounts(kind))
        if kind == "credentials":
            account = next(one for one in self._simulator.accounts if one.name == TEMPORARY)
        more = self._details(kind, account)
        end = self._make(kind, account, more)
        self.made += 1
        self.kinds.add(kind)
        lasts = min(LONGEST_SECONDS, SHORTEST_SECONDS + self._draw.expovariate(1 / 150))
        throttled = more.get("http_status") == 429 or more.get("code", "").startswith("Throttling")
        trouble = Trouble(account=account.name, kind="throttled" if throttled else kind, since=now)
        self._running[trouble] = now + lasts, end

    def _accounts(self, kind: str) -> list[Account]:
        """Those that may have this trouble now."""
        every = self._simulator.accounts
        if kind not in LISTED:
            return every
        taken = {one.account for one in self._running if one.kind in LISTED}
        return [account for account in every if account.name not in taken] or every

    def note(self, account: str, kind: str, *, since: float, until: float) -> None:
        """Something else went wrong with an account."""
        self._ended.append(Trouble(account=account, kind=kind, since=since, until=until))

    def over(self, now: float) -> None:
        """End all of them at ``now``."""
        for trouble in tuple(self._running):
            self._finish(trouble, now)

    def tick(self, now: float) -> None:
        """End those that have lasted long enough, and forget what was long ago."""
        for trouble in [one for one, (until, _) in self._running.items() if until <= now]:
            self._finish(trouble, now)
        self._ended = [one for one in self._ended if one.until > now - 4 * 3600]

    def _finish(self, trouble: Trouble, now: float) -> None:
        _, end = self._running.pop(trouble)
        end()
        self.note(trouble.account, trouble.kind, since=trouble.since, until=now)

    def of(self, account: str) -> Iterator[Trouble]:
        """What an account has and had in the last hours."""
        return (one for one in (*self._ended, *self._running) if one.account == account)

    def _details(self, kind: str, account: Account) -> dict:
        """The fields of a fault, some of them drawn."""
        if kind == "status":
            return dict(self._draw.choice(STATUSES))
        if kind == "code":
            return {"code": self._draw.choice(CODES[account.platform])}
        return dict(OF_ANSWERS.get(kind, {}))

    def _make(self, kind: str, account: Account, more: dict) -> Callable[[], object]:
        if kind == "refused":
            return self._refuse(account)
        if kind == "credentials":
            return self._no_renewal()
        return self._set(Fault(kind=kind, account=account.name, **more))

    def _set(self, fault: Fault) -> Callable[[], object]:
        faults = self._simulator.faults
        identity = faults.set(fault)
        return lambda: faults.holds(identity) and faults.clear(identity)

    def _refuse(self, account: Account) -> Callable[[], object]:
        change = self._simulator.change_access
        if account.platform == "dezhu":
            change(AccessChange(account=account.name, public_key=False))
            return lambda: change(AccessChange(account=account.name, public_key=True))
        actions = ["DescribeJobGroup", self._draw.choice(["ListJobGroups", "ListInstances"])]
        change(AccessChange(account=account.name, deny=actions))
        return lambda: change(AccessChange(account=account.name, allow=actions))

    def _no_renewal(self) -> Callable[[], object]:
        """Temporary credentials are handed out for a short time, or by nobody."""
        change = self._simulator.change_credentials
        if self._draw.random() < 0.5:
            change(CredentialChange(lifetime=self._draw.choice([900.0, 1800.0])))
            return lambda: change(CredentialChange(lifetime=3600.0))
        fault = Fault(kind="status", account=TEMPORARY, operation="CredentialsURI", http_status=503)
        return self._set(fault)
