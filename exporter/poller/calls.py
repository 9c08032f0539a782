"""The calls that one poll makes, a few of which may be made again within it."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from exporter.errors import PollError, Reason

_RETRIES: Final = 3
_CALLS_A_RETRY: Final = 25
_RETRIED: Final = frozenset({Reason.UNAVAILABLE, Reason.RATE_LIMITED})

T = TypeVar("T")


class Retrying(Protocol):
    """Whoever makes calls again."""

    async def before_retry(self, error: PollError) -> None:
        """Count the call that is made again, and wait a little."""
        ...


class Calls:
    """The calls of one poll; a few of them may be made again, in a long one now and then more."""

    def __init__(self, owner: Retrying) -> None:
        self._owner = owner
        self._retries = _RETRIES
        self.made = 0

    async def make(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, and again while its failure may pass.

        Raises:
            PollError: It failed for good.
        """
        while True:
            self.made += 1
            # A vendor that refuses one page in some hundred must not fail each list of thousands.
            if self.made % _CALLS_A_RETRY == 0:
                self._retries = min(_RETRIES, self._retries + 1)
            try:
                return await call()
            except PollError as error:
                if error.reason not in _RETRIED or self._retries == 0:
                    raise
                self._retries -= 1
                await self._owner.before_retry(error)
