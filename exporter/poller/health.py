"""What the latest attempts of an account say of it: up or down, why, and what to log.

A failure is an edge in the log: the first one of a reason in a scope, and the recovery. In the
metrics it is a level.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from exporter.domain import Failure, Scope, Tier
from exporter.errors import PollError
from exporter.exposition import masked

DISCOVERY: Final = "instances"
DETAIL: Final = "detail"
CONCURRENCY: Final = "concurrency"
TASK_CONCURRENCY: Final = "concurrency of tasks"
SCOPE_CONCURRENCY: Final = "concurrency as a whole"
ACCOUNT_CONCURRENCY: Final = "concurrency of the account"
EXPOSITION: Final = "exposition"
LOOK_UP: Final = "look-up"
COLLECTORS: Final = {
    DETAIL: frozenset({DETAIL}),
    CONCURRENCY: frozenset({TASK_CONCURRENCY, SCOPE_CONCURRENCY, ACCOUNT_CONCURRENCY}),
}
"""The optional collectors, and what is tried for each of them."""
_TIERS: Final = frozenset(tier.value for tier in Tier)

_log = structlog.get_logger()


class Attempt(msgspec.Struct, frozen=True):
    """The latest try of one thing; ``error`` None: it worked. Times in epoch seconds."""

    at: float
    error: PollError | None = None
    failures: int = 0
    since: float | None = None
    last_success: float | None = None
    duration: float | None = None


class Key(msgspec.Struct, frozen=True):
    """What was tried: a tier of a scope, a collector of a scope, or a thing of the account."""

    what: str
    scope: Scope = Scope()

    @property
    def where(self) -> str:
        """For a person."""
        name = self.scope.name or self.scope.id
        return f"{name} / {self.what}" if name else self.what


class Health:
    """The latest attempt of each thing of one account."""

    def __init__(self, account: str) -> None:
        self._log = _log.bind(account=account)
        self._attempts: dict[Key, Attempt] = {}

    def record(
        self, key: Key, error: PollError | None, *, now: float, duration: float | None = None
    ) -> int:
        """Take in how an attempt ended.

        Args:
            key: What was tried.
            error: Why it failed; None if it worked. It is kept, without where it came from.
            now: When it ended, epoch seconds.
            duration: How long it took, seconds.

        Returns:
            How many attempts in a row have failed.
        """
        before = self._attempts.get(key, Attempt(now))
        reasons = self._reasons(key.scope)
        failing = error is not None
        if error is not None:
            error.forget_origin()
        self._attempts[key] = Attempt(
            at=now,
            error=error,
            failures=before.failures + 1 if failing else 0,
            since=(before.since if before.error is not None else now) if failing else None,
            last_success=before.last_success if failing else now,
            duration=duration,
        )
        self._log_edge(key, error, reasons)
        return self._attempts[key].failures

    def follow(self, before: "Health", *, collectors: bool) -> None:
        """Go on from the latest attempts of the same account under another configuration.

        Those of optional collectors are left out without ``collectors``.
        """
        optional = frozenset[str]() if collectors else frozenset[str]().union(*COLLECTORS.values())
        self._attempts = {
            key: attempt for key, attempt in before.attempts.items() if key.what not in optional
        }

    @property
    def attempts(self) -> Mapping[Key, Attempt]:
        """The latest attempt of each thing."""
        return self._attempts

    def forget_scope(self, scope: Scope) -> None:
        """Drop what is known of a scope that is no longer read."""
        for key in [key for key in self._attempts if key.scope == scope]:
            del self._attempts[key]

    def attempt(self, key: Key) -> Attempt | None:
        """The latest attempt; None before the first."""
        return self._attempts.get(key)

    def fails(self, key: Key) -> bool:
        """Whether the latest attempt failed; not before the first."""
        attempt = self._attempts.get(key)
        return attempt is not None and attempt.error is not None

    def up(self) -> bool | None:
        """Whether the latest attempt of every tier, and of discovery, worked; None before any."""
        if self.fails(Key(DISCOVERY)):
            return False
        return self._all_worked([key for key in self._attempts if key.what in _TIERS])

    def scopes_up(self) -> tuple[tuple[Scope, bool], ...]:
        """The same for each scope that has an id and has been tried."""
        scopes = dict.fromkeys(key.scope for key in self._attempts if key.scope.id)
        rows = (
            (scope, self._all_worked([Key(tier.value, scope) for tier in Tier])) for scope in scopes
        )
        return tuple((scope, up) for scope, up in rows if up is not None)

    def collectors_up(self) -> tuple[tuple[str, bool], ...]:
        """The same for each optional collector that has been tried, over all scopes."""
        rows = (
            (collector, self._all_worked([key for key in self._attempts if key.what in mine]))
            for collector, mine in COLLECTORS.items()
        )
        return tuple((collector, up) for collector, up in rows if up is not None)

    def failures(self) -> tuple[Failure, ...]:
        """Everything that fails now, the longest first."""
        failing = [
            Failure(
                where=key.where,
                reason=attempt.error.reason.value,
                message=attempt.error.message,
                since=attempt.since if attempt.since is not None else attempt.at,
            )
            for key, attempt in self._attempts.items()
            if attempt.error is not None
        ]
        return tuple(sorted(failing, key=lambda failure: failure.since))

    def _all_worked(self, keys: list[Key]) -> bool | None:
        attempts = [self._attempts[key] for key in keys if key in self._attempts]
        return all(attempt.error is None for attempt in attempts) if attempts else None

    def _reasons(self, scope: Scope) -> set[str]:
        return {
            attempt.error.reason
            for key, attempt in self._attempts.items()
            if key.scope == scope and attempt.error is not None
        }

    def _log_edge(self, key: Key, error: PollError | None, before: set[str]) -> None:
        after = self._reasons(key.scope)
        if error is not None and error.reason not in before:
            self._log.warning(
                "poll failed",
                where=masked(key.where),
                reason=error.reason.value,
                code=error.code,
                message=error.message,
            )
        elif before and not after:
            where = masked(key.scope.name) or key.scope.id or "account"
            self._log.info("poll recovered", where=where)
