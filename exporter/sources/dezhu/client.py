"""Asks the task list for one page: address, headers and signature."""

from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from exporter.clock import Clock
from exporter.errors import ConfigError, PollError, Reason
from exporter.source import Page, Priority
from exporter.sources.address import parse_address
from exporter.sources.dezhu.options import DezhuOptions
from exporter.sources.dezhu.parse import read_page
from exporter.sources.dezhu.signature import PrivateKey, sign
from exporter.transport import Request, Transport


class Client:
    """Signs and makes the one call there is."""

    def __init__(
        self,
        options: DezhuOptions,
        *,
        key: PrivateKey,
        zone: ZoneInfo,
        transport: Transport,
        clock: Clock,
    ) -> None:
        self._options = options
        self._key = key
        self._zone = zone
        self._transport = transport
        self._clock = clock
        self._url = f"{parse_address(options.base_url).base}/speech/openapi/v1/task/outbound/page"

    async def page(
        self, operation: str, number: int, size: int, *, priority: Priority, **filters: str
    ) -> Page:
        """Page ``number`` (from 1) with ``size`` rows of the tasks that pass the filters.

        Raises:
            PollError: With the reason of the failure.
        """
        query = {**filters, self._options.page_parameter: str(number), "pageSize": str(size)}
        url = f"{self._url}?{urlencode(query, quote_via=quote)}"
        try:
            key = await self._key.get()
        except ConfigError as error:
            raise PollError(Reason.CONFIG, str(error)) from None

        def request() -> Request:
            # How far the clocks may differ is not known: each call is signed as it goes out.
            timestamp = str(int(self._clock.now() * 1000))
            app_id = self._options.app_id
            signature = sign(key, self._options.signature, app_id=app_id, timestamp=timestamp)
            headers = {
                "appId": app_id,
                "timestamp": timestamp,
                "sign": signature,
                "Content-Type": "application/json",
                "Accept": "application/json",
            }
            return Request(url=url, headers=headers)

        return await self._transport.call(
            operation, request, lambda reply: read_page(reply, self._zone), priority=priority
        )
