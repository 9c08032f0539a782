"""Keeps temporary credentials fresh: one refresh at a time, well before they expire."""

import asyncio
from typing import Final

import msgspec
import structlog

from exporter.errors import ConfigError, PollError, Reason
from exporter.schedule import SLOW_RETRY_SECONDS
from exporter.sources.aliyun.credentials.model import (
    CredentialProvider,
    Credentials,
    CredentialService,
    Tools,
)

LONGEST_LEAD_SECONDS: Final = 900.0
LEAD_SHARE: Final = 1 / 3
LEAD_JITTER: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 60.0
NOT_RENEWED_BEFORE_SECONDS: Final = 30.0
_SHORTEST_WAIT_SECONDS: Final = 0.5
_FIRST_PAUSE_SECONDS: Final = 2.0
_SHORTEST_PAUSE_SECONDS: Final = 5.0
_REFUSALS: Final = frozenset({Reason.AUTH, Reason.PERMISSION})

_log = structlog.get_logger()


class Holding(msgspec.Struct, frozen=True):
    """What was handed out last: when, on the monotonic clock, and due when, epoch seconds."""

    credentials: Credentials
    taken_at: float
    due: float


class RefreshingCredentials:
    """The latest credentials of a service.

    A task of its own renews them, so that neither a poll waits for it nor a cancelled poll stops
    it. What is asked for while there are none that are valid waits for the same refresh.
    """

    def __init__(self, service: CredentialService, tools: Tools) -> None:
        self._service = service
        self._tools = tools
        self._clock = tools.clock
        self._log = _log.bind(account=tools.account)
        self.holding: Holding | None = None
        self._error: PollError | ConfigError | None = None
        self._failures = 0
        self._pause_until = 0.0
        self._told = False
        self._refresh: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def expiry(self) -> float | None:
        """When those held expire, epoch seconds; None if they last or there were none yet."""
        return None if self.holding is None else self.holding.credentials.expires_at

    async def get(self) -> Credentials:
        """Credentials that have not expired.

        Raises:
            ConfigError: A file that is needed is of no use.
            PollError: There are none and none are to be had.
        """
        held = self._valid()
        if held is None:
            if self._may_refresh():
                await self._refreshed()
            held = self._valid()
        elif self._keeper is not None and self._keeper.done():
            # An error of our own has ended it.
            self._keep()
        if held is None:
            raise self._why()
        return held

    async def renewed(self, refused: Credentials) -> Credentials:
        """Others than those that the vendor refused; the same where there are none.

        Those that are seconds old are not renewed: a vendor that refuses whatever it gets must not
        make us ask for credentials with each call.
        """
        holding = self.holding
        if holding is not None and holding.credentials == refused:
            young = self._clock.monotonic() - holding.taken_at < NOT_RENEWED_BEFORE_SECONDS
            if not young and self._may_refresh():
                await self._refreshed()
        return self._valid() or refused

    def follow(self, before: CredentialProvider) -> None:
        """Go on with those that were held before a reload, and renew them when they are due."""
        if isinstance(before, RefreshingCredentials) and before.holding is not None:
            self.holding = before.holding
            self._keep()

    async def check(self) -> None:
        """Look, without a call, whether anything is missing.

        Raises:
            ConfigError: Something is.
        """
        await self._service.check()

    def _valid(self) -> Credentials | None:
        if self.holding is None:
            return None
        held = self.holding.credentials
        over = held.expires_at is not None and self._clock.now() >= held.expires_at
        return None if over else held

    async def _refreshed(self) -> None:
        """Wait for the refresh under way, or for a new one."""
        if self._refresh is None or self._refresh.done():
            self._refresh = self._tools.background.start(self._fetch(), name="credentials")
        if self._keeper is None or self._keeper.done():
            self._keep()
        await asyncio.shield(self._refresh)

    def _may_refresh(self) -> bool:
        """Whether a refresh is under way, or may begin."""
        under_way = self._refresh is not None and not self._refresh.done()
        return under_way or self._clock.monotonic() >= self._pause_until

    def _keep(self) -> None:
        start = self._tools.background.start
        self._keeper = start(self._keep_fresh(), name="renewal of credentials")

    async def _keep_fresh(self) -> None:
        while True:
            now = self._clock.monotonic()
            due = 0.0 if self.holding is None else self.holding.due
            wait = max(due - self._clock.now(), self._pause_until - now)
            if wait <= 0:
                await self._refreshed()
                continue
            # Looked at again within a minute: the wall clock may be set meanwhile.
            wait = min(max(wait, _SHORTEST_WAIT_SECONDS), LONGEST_PAUSE_SECONDS)
            await self._clock.sleep(wait)

    async def _fetch(self) -> None:
        # Stands if an error of our own ends this.
        self._pause_until = self._clock.monotonic() + LONGEST_PAUSE_SECONDS
        try:
            self._take(await self._service.fetch())
        except (PollError, ConfigError) as error:
            self._note(error)

    def _take(self, fresh: Credentials) -> None:
        now = self._clock.now()
        if fresh.expires_at is not None and fresh.expires_at <= now:
            message = "the credentials that were handed out have expired; check both clocks"
            raise PollError(Reason.UNAVAILABLE, message)
        self.holding = Holding(fresh, self._clock.monotonic(), self._due_of(fresh, now))
        self._error, self._failures, self._pause_until = None, 0, 0.0
        if self._told:
            self._told = False
            self._log.info("credentials refreshed again")

    def _due_of(self, fresh: Credentials, now: float) -> float:
        """When to renew: of what is left of their life the last third, at most a quarter hour.

        A service that gives the same ones again is so asked more and more often.
        """
        if fresh.expires_at is None:
            return float("inf")
        lead = min(LONGEST_LEAD_SECONDS, (fresh.expires_at - now) * LEAD_SHARE)
        lead *= 1 + LEAD_JITTER * self._tools.random()
        return max(fresh.expires_at - lead, now + _SHORTEST_WAIT_SECONDS)

    def _note(self, error: PollError | ConfigError) -> None:
        error.forget_origin()
        self._error = error
        self._failures += 1
        self._pause_until = self._clock.monotonic() + self._pause(error)
        # Without valid ones the polls fail, which is logged where polls are.
        if self._valid() is not None and not self._told:
            self._told = True
            reason = error.reason if isinstance(error, PollError) else Reason.CONFIG
            self._log.warning(
                "credentials not refreshed; the old ones are still valid",
                reason=reason.value,
                message=str(error),
                seconds_left=self._seconds_left(),
            )

    def _pause(self, error: PollError | ConfigError) -> float:
        """Seconds to leave the service alone: growing, longer where it refuses us.

        While there are valid ones not so long that they expire without some more tries.
        """
        grown = _FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures - 1, 10)
        pause = min(LONGEST_PAUSE_SECONDS, grown)
        asked = 0.0
        if isinstance(error, PollError):
            pause = SLOW_RETRY_SECONDS if error.reason in _REFUSALS else pause
            asked = error.retry_after or 0.0
        left = self._seconds_left()
        if left is not None and left > 0:
            pause = min(pause, max(left * LEAD_SHARE, _SHORTEST_PAUSE_SECONDS))
        return max(asked, pause * (1 + LEAD_JITTER * self._tools.random()))

    def _seconds_left(self) -> int | None:
        return None if self.expiry is None else int(self.expiry - self._clock.now())

    def _why(self) -> PollError | ConfigError:
        """A fresh error for each who waited: all of them may be raised at the same time."""
        error = self._error
        if isinstance(error, ConfigError):
            return ConfigError(error.message, path=error.path)
        if error is None:
            return PollError(
                Reason.UNAVAILABLE, "no credentials: an error in the exporter; its log has it"
            )
        what = "no credentials" if self.holding is None else "the credentials have expired"
        return PollError(
            error.reason, f"{what}: {error}", code=error.code, retry_after=error.retry_after
        )
