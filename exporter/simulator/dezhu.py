"""The Dezhu server: one list of tasks, signed with the customer's private key."""

import base64
import binascii
from typing import Any, Final

import msgspec
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from exporter.simulator.accounts import DezhuAccount
from exporter.simulator.answers import Answer, Visit, encode
from exporter.simulator.campaign import Status
from exporter.simulator.desk import Desk
from exporter.simulator.dezhu_rows import STATUS_NUMBERS, profiles_with_skill, row_of
from exporter.simulator.faults import Hit, slide_of
from exporter.simulator.shelf import Match

PATH: Final = "/speech/openapi/v1/task/outbound/page"
ALLOWED_SKEW_MS: Final = 15 * 60 * 1000
MESSAGES: Final = {
    "10000": "请求成功",
    "10001": "鉴权失败",
    "10002": "未上传公钥",
    "20001": "请求失败",
    "29002": "参数错误",
    "29008": "系统错误",
}
_STATUSES: Final[dict[str, Status]] = {
    str(number): status for status, number in STATUS_NUMBERS.items() if status != "unknown"
}


class Refusal(Exception):  # noqa: N818  # an answer of the vendor, not a fault of ours
    """The request gets no data; ``code`` is the vendor's."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class DezhuServer:
    """Answers for all Dezhu accounts.

    Args:
        desk: What it works with.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._keys = {
            account.name: load_pem_public_key(account.public_key.encode())
            for account in desk.directory.dezhu
        }

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application()
        application.router.add_get(PATH, self._handle)
        return application

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        account = self._desk.directory.by_app_id.get(request.headers.get("appId", ""))
        query = request.query
        size = query.get("pageSize", "")
        page = query.get(self._desk.options.dezhu_page_parameter, "")
        visit = Visit(
            vendor="dezhu",
            account=account.name if account else "",
            operation="page",
            page=int(page) if page.isdecimal() else 1,
            size=int(size) if size.isdecimal() else 20,
            statuses=query.get("taskStatus", ""),
            nonce=request.headers.get("sign", ""),
        )

        def reply(visit: Visit, hits: tuple[Hit, ...], now: float) -> Answer:
            try:
                self._authenticate(request, account, now)
                return self._page(request, visit, hits)
            except Refusal as refusal:
                return refused(refusal.code, f"{MESSAGES[refusal.code]}: {refusal}")

        return await self._desk.serve(request, visit, reply)

    def _authenticate(self, request: web.Request, account: DezhuAccount | None, now: float) -> None:
        if account is None:
            raise Refusal("10001", "appId")
        if account.name in self._desk.access.keyless:
            raise Refusal("10002", "appId")
        stamp = request.headers.get("timestamp", "")
        if not stamp.isdecimal() or abs(int(stamp) - now * 1000) > ALLOWED_SKEW_MS:
            raise Refusal("10001", "timestamp")
        key = self._keys[account.name]
        digest = hashes.SHA256() if account.hash == "sha256" else hashes.SHA1()  # noqa: S303  # an option of the vendor's API
        try:
            signature = base64.b64decode(request.headers.get("sign", ""), validate=True)
            if isinstance(key, rsa.RSAPublicKey):
                text = f"{account.app_id}{stamp}".encode()
                key.verify(signature, text, padding.PKCS1v15(), digest)
        except (binascii.Error, InvalidSignature):
            raise Refusal("10001", "sign") from None

    def _page(self, request: web.Request, visit: Visit, hits: tuple[Hit, ...]) -> Answer:
        if request.content_type != "application/json":
            raise Refusal("29002", "Content-Type")
        options, query = self._desk.options, request.query
        match = Match(
            statuses=_status(query.get("taskStatus")),
            text=query.get("query", ""),
            profiles=_skill(query.get("skillsetId")),
            manual=_manual(query.get("taskType", "0")),
        )
        page = _positive(query.get(options.dezhu_page_parameter, "1"), options.dezhu_page_parameter)
        size = min(_positive(query.get("pageSize", "20"), "pageSize"), options.dezhu_page_cap)
        shelf = self._desk.world.shelf("dezhu", visit.account)
        start = slide_of(hits).start(page, size)
        rows, total = shelf.page(match, offset=start, size=size)
        if not rows and total and options.past_last_page == "last":
            rows, total = shelf.page(match, offset=(total - 1) // size * size, size=size)
        return accepted({"total": total, "list": [msgspec.Raw(row_of(row)) for row in rows]})


def accepted(data: Any) -> Answer:
    """Return the envelope of a success."""
    body = encode({"code": "10000", "message": MESSAGES["10000"], "data": data})
    return Answer(code="10000", body=body)


def refused(code: str, message: str) -> Answer:
    """Return the envelope of a failure; the vendor tells no HTTP status for it."""
    body = encode({"code": code, "message": message, "data": None})
    return Answer(code=code, body=body, ok=False)


def _status(text: str | None) -> frozenset[Status] | None:
    if text is None:
        return None
    if text not in _STATUSES:
        raise Refusal("29002", "taskStatus")
    return frozenset({_STATUSES[text]})


def _skill(text: str | None) -> frozenset[int] | None:
    return None if text is None else profiles_with_skill(text)


def _manual(text: str) -> bool | None:
    if text not in {"0", "1", "2"}:
        raise Refusal("29002", "taskType")
    return None if text == "0" else text == "2"


def _positive(text: str, name: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        raise Refusal("29002", name)
    return int(text)
