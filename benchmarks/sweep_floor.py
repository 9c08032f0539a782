"""The least that a sweep can cost here: ``sweep_floor CONFIGURATION``, a file.

A bare aiohttp client over kept connections asks for the same signed pages as the exporter with that
configuration, as many at once; ``floor_lines`` decodes and renders them, and each page is kept as
bytes. Nothing is checked, compressed or scheduled. It sweeps once and tells what that took.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import math
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from itertools import chain
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import aiohttp
import yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from yarl import URL

from benchmarks.floor_lines import Page, aliyun_page, dezhu_page, instances

PAGE_SIZE: Final = 100
_SIGNATURES: Final = 1000
_PATH: Final = "/speech/openapi/v1/task/outbound/page"
_EMPTY: Final = hashlib.sha256(b"").hexdigest()
_TIERS: Final = ("Executing,Initializing,Scheduling", "Draft,Failed,Paused", "Cancelled,Completed")

Get = Callable[[str, dict[str, str]], Awaitable[bytes]]
ReadPage = Callable[[int], Awaitable[Page]]


class Dezhu:
    """Signs and reads the lists of a Dezhu account."""

    def __init__(self, account: dict[str, Any]) -> None:
        self._account = account
        self._key = load_pem_private_key(account["private_key"].encode(), None)

    def headers(self) -> dict[str, str]:
        """Those of a call made now."""
        stamp = str(int(time.time() * 1000))  # noqa: TID251 - no clock is to be set here
        text = f"{self._account['app_id']}{stamp}".encode()
        sign = base64.b64encode(self._key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
        return {
            "appId": self._account["app_id"],
            "timestamp": stamp,
            "sign": sign,
            "Content-Type": "application/json",
        }

    async def lists(self, get: Get) -> list[ReadPage]:
        """What reads a page of each list, by its number."""
        url = f"{self._account['base_url']}{_PATH}"

        def of(status: int) -> ReadPage:
            async def read(number: int) -> Page:
                query = f"taskStatus={status}&pageNum={number}&pageSize={PAGE_SIZE}"
                body = await get(f"{url}?{query}", self.headers())
                return dezhu_page(body, self._account["name"])

            return read

        return [of(status) for status in range(1, 7)]


class Aliyun:
    """Signs and reads the lists of an Alibaba account."""

    def __init__(self, account: dict[str, Any]) -> None:
        self._account = account
        self._credentials = account["credentials"]
        self._secret = self._credentials["access_key_secret"].encode()
        self._host = urlsplit(account["endpoint"]).netloc

    def headers(self, action: str, query: str) -> dict[str, str]:
        """Those of a call made now."""
        signed = {
            "host": self._host,
            "x-acs-action": action,
            "x-acs-content-sha256": _EMPTY,
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-version": "2019-12-26",
        }
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        request = hashlib.sha256(f"GET\n/\n{query}\n{lines}\n{names}\n{_EMPTY}".encode())
        text = f"ACS3-HMAC-SHA256\n{request.hexdigest()}".encode()
        signature = hmac.new(self._secret, text, hashlib.sha256).hexdigest()
        signed["authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={self._credentials['access_key_id']},"
            f"SignedHeaders={names},Signature={signature}"
        )
        signed["accept"] = "application/json"
        return signed

    async def lists(self, get: Get) -> list[ReadPage]:
        """What reads a page of each list of each instance, by its number."""
        endpoint = self._account["endpoint"]
        query = f"PageNumber=1&PageSize={PAGE_SIZE}"
        body = await get(f"{endpoint}/?{query}", self.headers("ListInstances", query))

        def of(instance: Any, statuses: str) -> ReadPage:
            async def read(number: int) -> Page:
                query = (
                    f"InstanceId={instance.instance_id}&JobGroupStatusFilter={quote(statuses)}"
                    f"&PageNumber={number}&PageSize={PAGE_SIZE}&StartTime=0"
                )
                headers = self.headers("ListJobGroups", query)
                answer = await get(f"{endpoint}/?{query}", headers)
                return aliyun_page(answer, self._account["name"], instance)

            return read

        return [of(instance, statuses) for instance in instances(body) for statuses in _TIERS]


VENDORS: Final = {"dezhu": Dezhu, "aliyun": Aliyun}


async def sweep(account: dict[str, Any], *, concurrency: int) -> list[Page]:
    """All pages of all lists of an account, read over so many connections."""
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def get(url: str, headers: dict[str, str]) -> bytes:
            async with session.get(URL(url, encoded=True), headers=headers) as response:
                return await response.read()

        lists = await VENDORS[account["platform"]](account).lists(get)
        firsts = await asyncio.gather(*[read(1) for read in lists])
        rest = (
            (read, number)
            for read, (total, *_) in zip(lists, firsts, strict=True)
            for number in range(2, math.ceil(total / PAGE_SIZE) + 1)
        )

        async def work() -> list[Page]:
            return [await read(number) for read, number in rest]

        others = await asyncio.gather(*[work() for _ in range(concurrency)])
    return [*firsts, *chain.from_iterable(others)]


def signature_seconds(account: dict[str, Any]) -> float:
    """CPU time of one RSA signature, the mean of a thousand."""
    vendor, started = Dezhu(account), time.process_time()
    for _ in range(_SIGNATURES):
        vendor.headers()
    return (time.process_time() - started) / _SIGNATURES


def main() -> None:
    """Sweep once."""
    document = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))
    (account,), concurrency = document["accounts"], document["defaults"]["budget"]["concurrency"]
    cpu, wall = time.process_time(), time.monotonic()
    pages = asyncio.run(sweep(account, concurrency=concurrency))
    row = {
        "cpu": time.process_time() - cpu,
        "wall": time.monotonic() - wall,
        "calls": len(pages),
        "series": sum(series for _, series, _ in pages),
        "bytes": sum(len(lines) for *_, lines in pages),
    }
    if account["platform"] == "dezhu":
        row["signature"] = signature_seconds(account)
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
