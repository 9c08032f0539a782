"""Small clients that sign by themselves, so that the servers are checked by other code."""

import base64
import datetime
import functools
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from yarl import URL

from exporter.simulator import AliyunAccount, DezhuAccount

PAGE = "/speech/openapi/v1/task/outbound/page"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()


@functools.cache
def _key(pem: str) -> Any:
    return load_pem_private_key(pem.encode(), None)


class FakeClock:
    """Epoch seconds that a test moves. 2026-03-18 10:30 in Shanghai, a Wednesday."""

    def __init__(self, now: float = 1_773_801_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        document = self.json
        return document.get("Code") or document["code"]

    @property
    def rows(self) -> Any:
        document = self.json
        if "data" in document:
            return document["data"]["list"]
        return document["JobGroups"]["List"] if "JobGroups" in document else document["Instances"]

    @property
    def total(self) -> Any:
        document = self.json
        if "data" in document:
            return document["data"]["total"]
        return document.get("JobGroups", document)["TotalCount"]


@dataclass
class Dezhu:
    session: aiohttp.ClientSession
    url: str
    account: DezhuAccount
    clock: FakeClock
    hash: Any = field(default_factory=hashes.SHA256)

    def headers(self, *, skew: float = 0.0) -> dict[str, str]:
        stamp = str(int((self.clock() + skew) * 1000))
        key = _key(self.account.private_key)
        text = (self.account.app_id + stamp).encode()
        sign = base64.b64encode(key.sign(text, padding.PKCS1v15(), self.hash)).decode()
        return {
            "appId": self.account.app_id,
            "timestamp": stamp,
            "sign": sign,
            "Content-Type": "application/json",
        }

    async def page(self, *, headers: dict[str, str] | None = None, **query: Any) -> Reply:
        sent = self.headers() if headers is None else headers
        skip = ["Content-Type"] if "Content-Type" not in sent else []
        async with self.session.get(
            self.url + PAGE,
            headers=sent,
            params={name: str(value) for name, value in query.items()},
            skip_auto_headers=skip,
        ) as response:
            return Reply(response.status, response.headers, await response.read())

    async def everything(self, size: int = 100) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        page = 1
        while True:
            reply = await self.page(pageNum=page, pageSize=size)
            rows += reply.rows
            if len(rows) >= reply.total:
                return rows
            page += 1


@dataclass
class Aliyun:
    session: aiohttp.ClientSession
    url: str
    account: AliyunAccount
    clock: FakeClock

    def headers(
        self,
        action: str,
        query: str,
        *,
        method: str = "GET",
        skew: float = 0.0,
        secret: str | None = None,
        leave_out: tuple[str, ...] = (),
        change: dict[str, str] | None = None,
    ) -> dict[str, str]:
        date = datetime.datetime.fromtimestamp(self.clock() + skew, datetime.UTC)
        signed = {
            "host": self.url.removeprefix("http://"),
            "x-acs-action": action,
            "x-acs-version": "2019-12-26",
            "x-acs-date": f"{date:%Y-%m-%dT%H:%M:%SZ}",
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-content-sha256": EMPTY_HASH,
            **(change or {}),
        }
        if self.account.security_token:
            signed.setdefault("x-acs-security-token", self.account.security_token)
        signed = {name: signed[name] for name in sorted(signed) if name not in leave_out}
        names = ";".join(signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        digest = signed.get("x-acs-content-sha256", EMPTY_HASH)
        canonical = f"{method}\n/\n{query}\n{lines}\n{names}\n{digest}"
        text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        key = (secret or self.account.access_key_secret).encode()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        claim = f"Credential={self.account.access_key_id},SignedHeaders={names}"
        return {
            **signed,
            "accept": "application/json",
            "Authorization": f"ACS3-HMAC-SHA256 {claim},Signature={signature}",
        }

    @staticmethod
    def query(given: dict[str, Any]) -> str:
        pairs = sorted((name, quote(str(value), safe="-_.~")) for name, value in given.items())
        return "&".join(f"{name}={value}" for name, value in pairs)

    async def send(self, query: str, headers: dict[str, str], method: str = "GET") -> Reply:
        url = URL(f"{self.url}/?{query}", encoded=True)
        async with self.session.request(method, url, headers=headers) as response:
            return Reply(response.status, response.headers, await response.read())

    async def call(self, action: str, given: dict[str, Any] | None = None, **kwargs: Any) -> Reply:
        query = self.query(given or {})
        method = kwargs.get("method", "GET")
        return await self.send(query, self.headers(action, query, **kwargs), method)

    async def groups(self, instance: str, page: int = 1, size: int = 100, **more: Any) -> Reply:
        given = {"InstanceId": instance, "PageNumber": page, "PageSize": size, **more}
        return await self.call("ListJobGroups", given)

    async def group(self, instance: str, group: str) -> Reply:
        return await self.call("DescribeJobGroup", {"InstanceId": instance, "JobGroupId": group})
