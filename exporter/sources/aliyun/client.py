"""Makes one signed call: credentials, headers, and the two cases in which it is made again."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from exporter.clock import Clock
from exporter.errors import ConfigError, PollError, Reason
from exporter.reply import Reply
from exporter.source import Priority
from exporter.sources.address import parse_address
from exporter.sources.aliyun.answer import NONCE_USED, TOKEN_CODES
from exporter.sources.aliyun.credentials.model import CredentialProvider, Credentials
from exporter.sources.aliyun.signature import authorization, canonical_query, common_headers
from exporter.transport import Request, Transport

T = TypeVar("T")

VERSION: Final = "2019-12-26"


class Client:
    """Calls actions of the API, each a GET."""

    def __init__(
        self,
        endpoint: str,
        *,
        credentials: CredentialProvider,
        transport: Transport,
        clock: Clock,
        nonce: Callable[[], str],
        version: str = VERSION,
    ) -> None:
        self._address = parse_address(endpoint)
        self._credentials = credentials
        self._transport = transport
        self._clock = clock
        self._nonce = nonce
        self._version = version

    @property
    def clock_offset(self) -> float | None:
        """The vendor's clock less ours in seconds; None before the first answer."""
        return self._transport.clock_offset

    async def call(
        self,
        action: str,
        parameters: Mapping[str, str],
        read: Callable[[Reply], T],
        *,
        priority: Priority,
    ) -> T:
        """Call an action; once more for a nonce that was used, or with a token that was renewed.

        Raises:
            PollError: With the reason of the failure.
        """
        credentials = await _had(self._credentials.get())
        try:
            return await self._once(action, parameters, read, priority, credentials)
        except PollError as error:
            renewed = await self._for_second_try(error, credentials)
            if renewed is None:
                raise
        self._transport.retrying(action)
        return await self._once(action, parameters, read, priority, renewed)

    async def _once(
        self,
        action: str,
        parameters: Mapping[str, str],
        read: Callable[[Reply], T],
        priority: Priority,
        credentials: Credentials,
    ) -> T:
        query = canonical_query(parameters)
        url = f"{self._address.base}/?{query}"

        def request() -> Request:
            headers = common_headers(
                action,
                self._version,
                host=self._address.host,
                now=self._clock.now(),
                nonce=self._nonce(),
                credentials=credentials,
            )
            signed = authorization("GET", query, headers, credentials)
            # Without accept the vendor may answer in XML.
            return Request(
                url=url,
                headers={**headers, "accept": "application/json", "authorization": signed},
            )

        return await self._transport.call(action, request, read, priority=priority)

    async def _for_second_try(
        self, error: PollError, credentials: Credentials
    ) -> Credentials | None:
        """What to sign a second try with; None where there is no sense in one."""
        if error.code == NONCE_USED:
            return credentials
        if error.code not in TOKEN_CODES:
            return None
        renewed = await _had(self._credentials.renewed(credentials))
        return None if renewed == credentials else renewed


async def _had(credentials: Awaitable[Credentials]) -> Credentials:
    try:
        return await credentials
    except ConfigError as error:
        raise PollError(Reason.CONFIG, str(error)) from None
