"""A server that plays every vendor and every service, and says back whatever it was told."""

import json
import re
from collections.abc import Callable, Iterator, Mapping

from exporter.errors import Reason
from exporter.sources.aliyun.answer import CODES as ALIYUN_CODES
from exporter.sources.aliyun.answer import NO_INSTANCE as NOT_FOUND
from exporter.sources.aliyun.answer import NONCE_USED
from exporter.sources.dezhu.answer import CODES as DEZHU_CODES
from tests.integration._front import head_of

MARK = "mRk4711"
"""Is in every secret."""
NUMBERS = ("13800138000", "15912345678")
"""Of nobody."""
_SECRET_HEADERS = {"sign", "authorization", "x-acs-security-token", "proxy-authorization"}
_SECRET_HEADERS |= {"x-aliyun-ecs-metadata-token", "x-acs-signature-nonce"}

_LONG_WORD = re.compile(r"[A-Za-z0-9+/]{16,}")

Answer = Callable[[str], bytes]
"""What to say to who said that."""


class Echo:
    """Answers as it is told, and keeps the signatures and tokens that it gets."""

    def __init__(self) -> None:
        self.answer: Answer = http(404)
        self.heard: set[str] = set()

    async def serve(self, reader, writer) -> None:
        first = await reader.readexactly(1)
        if not first.isalpha():
            # The client speaks TLS.
            return
        head = (first + await head_of(reader)).decode("latin-1")
        length = re.search(r"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        self._keep(head)
        writer.write(self.answer(f"{head}{body.decode('latin-1')} {' '.join(NUMBERS)} {MARK}"))
        await writer.drain()

    def _keep(self, head: str) -> None:
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            if name.lower() in _SECRET_HEADERS:
                self.heard |= long_words(value)


def long_words(text: str) -> set[str]:
    """What of a text may be a key, a token or a signature."""
    return set(_LONG_WORD.findall(text))


def one_line(said: str) -> str:
    return re.sub(r"[^ -~]+", " ", said)


def http(status: int, body: str | None = None, **headers: str) -> Answer:
    """An answer whose reason, headers and body (if not given) say what was said."""

    def answer(said: str) -> bytes:
        told = one_line(said)[:4000]
        content = (json.dumps(said) if body is None else body).encode()
        names = {"Content-Length": str(len(content)), "Connection": "close", "X-Echo": told}
        names |= {"Set-Cookie": f"a={MARK}", "x-acs-request-id": MARK, "Server": NUMBERS[0]}
        names |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in names.items())
        head = f"HTTP/1.1 {status} {MARK} {NUMBERS[0]} {told[:200]}\r\n{lines}\r\n"
        return head.encode("latin-1") + content

    return answer


def refusal(status: int, code: str, **headers: str) -> Answer:
    """The envelope of either vendor with a code; every text in it is what was said."""

    def answer(said: str) -> bytes:
        texts = ("msg", "message", "Message", "RequestId", "Recommend", "HostId", "data", "Data")
        envelope = dict.fromkeys(texts, said) | {"code": code, "Code": code, "Success": False}
        return http(status, json.dumps(envelope), **headers)(said)

    return answer


def raw(text: str) -> Answer:
    return lambda said: text.format(said=said, line=one_line(said)).encode("latin-1")


def _rows(value: object) -> dict:
    row = dict.fromkeys(("id", "taskId", "JobGroupId", "InstanceId", "taskName", "Name"), "1")
    row |= dict.fromkeys(("taskStatus", "Status", "customerAmount", "Progress", "taskType"), value)
    lists = {"list": [row], "JobGroups": {"List": [row]}, "Instances": {"Instance": [row]}}
    return {"total": value, "TotalCount": value, **lists}


def _success(value: object) -> str:
    data = _rows(value)
    parts = {"code": "10000", "Code": "OK", "Success": True, "data": data, **data}
    return json.dumps(parts)


def _one_a_reason(codes: Mapping[str, Reason]) -> list[str]:
    return list({reason: code for code, reason in codes.items()}.values())


def answers() -> Iterator[tuple[str, Answer]]:
    """Every kind of answer with a name: each class of error at each vendor, and no HTTP at all."""
    odd = {"Retry_After": MARK, "Content_Type": f"text/{MARK}", "Date": MARK}
    for status in (302, 400, 401, 403, 404, 407, 408, 418, 429, 500, 502, 503, 504):
        more = {"Location": f"http://u:{MARK}@h/?{NUMBERS[0]}"}
        yield f"HTTP {status}", http(status, **odd, **more, WWW_Authenticate=f"Basic {MARK}")
    codes = (*_one_a_reason(DEZHU_CODES), *_one_a_reason(ALIYUN_CODES), NOT_FOUND, NONCE_USED)
    for code in (*codes, f"Code.{MARK}", NUMBERS[0]):
        yield f"code {code}", refusal(200 if code in DEZHU_CODES else 400, code)
    yield "code in a success", refusal(200, f"InvalidParameter.{MARK}.{NUMBERS[1]}")
    yield "throttled until", refusal(429, "Throttling.User", Retry_After=NUMBERS[0])
    for name, value in (("text", f"{MARK} {NUMBERS[0]}"), ("list", [MARK]), ("map", {MARK: MARK})):
        yield f"{name} where a number was expected", http(200, _success(value))
    yield "a number where text was expected", http(200, _success(int(NUMBERS[0])))
    yield (
        "credentials of no use",
        http(
            200,
            json.dumps(
                {
                    "Code": "Success",
                    "AccessKeyId": MARK,
                    "AccessKeySecret": f"{MARK} é",
                    "SecurityToken": MARK,
                    "Expiration": f"{MARK} {NUMBERS[0]}",
                }
            ),
        ),
    )
    yield "not JSON", http(200, f"<p>{MARK} {NUMBERS[0]}</p>")
    yield "not gzip", http(200, f"{MARK}", Content_Encoding="gzip")
    yield "an unknown encoding", http(200, MARK, Content_Encoding=MARK)
    yield "not HTTP", raw("{line}\r\n\r\n")
    yield "a broken status", raw(f"HTTP/1.1 2{MARK} OK\r\n\r\n")
    yield "a broken header", raw(f"HTTP/1.1 200 OK\r\n{MARK} {NUMBERS[0]}\x00: {{line}}\r\n\r\n")
    yield "a broken length", raw(f"HTTP/1.1 200 OK\r\nContent-Length: {MARK}\r\n\r\n{{line}}")
    yield (
        "broken chunks",
        raw(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{MARK}\r\n{{line}}"),
    )
    yield "half of it", raw('HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{{"code": "{line}')
    yield "nothing", raw("")
