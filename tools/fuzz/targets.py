"""What is fuzzed: each target reads bytes as the exporter does, and raises if that ends wrongly.

The errors that a reader is allowed to raise are caught here; anything else is a finding.
"""

import asyncio
import base64
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from exporter.body import Cap, inflated
from exporter.calling_hours import is_open, next_edge, remaining_seconds
from exporter.config.loader import parse
from exporter.config.model import COLLECTORS
from exporter.domain import Schedule, Scope, Task
from exporter.errors import ConfigError, PollError
from exporter.rendering import Renderer, task_labels
from exporter.reply import Reply
from exporter.retry_after import LONGEST_SECONDS, waiting_seconds
from exporter.sources import SOURCES
from exporter.sources.aliyun import concurrency
from exporter.sources.aliyun import parse as aliyun
from exporter.sources.aliyun.credentials.issued import credentials_of, json_object, read_success
from exporter.sources.aliyun.credentials.model import Credentials
from exporter.sources.dezhu import parse as dezhu
from exporter.web import guard, negotiation
from exporter.webconfig.loader import parse_web_config

Reader = Callable[[bytes], None]
"""Reads an input; raises if that ends in any other way than it may."""

_STATUSES: Final = (200, 502)
_ZONE: Final = ZoneInfo("Europe/Berlin")
_NOW: Final = 1_773_801_000.0
_DAY: Final = 86_400.0
_FILE: Final = Path("fuzzed.yaml")
_ENVIRON: Final = {"A": "1", "EMPTY": ""}
_CAP: Final = Cap(64 * 1024, "too large")
_OPTIONS: Final = {platform: kind.options for platform, kind in SOURCES.items()}


class FindingError(Exception):
    """What was read is not what it must be."""


def _hold(fact: object, otherwise: str) -> None:
    if not fact:
        raise FindingError(otherwise)


def _read(data: bytes, read: Callable[[Reply], Any]) -> Iterable[Any]:
    """What is read of an answer with these bytes, for each status; refusals are left out."""
    for status in _STATUSES:
        try:
            value = read(Reply(status=status, headers={}, body=data))
        except PollError as error:
            _hold(error.message.isprintable(), "a message of more than one line")
        else:
            msgspec.json.encode(value)
            yield value


def dezhu_page(data: bytes) -> None:
    """A page of the task list, and what is exposed of it."""
    for page in _read(data, lambda reply: dezhu.read_page(reply, _ZONE)):
        _check_tasks(page.tasks)


def aliyun_page(data: bytes) -> None:
    """A page of ListJobGroups, and what is exposed of it."""
    for page in _read(data, lambda reply: aliyun.read_page(reply, clock_offset=None)):
        _check_tasks(page.tasks)


def aliyun_detail(data: bytes) -> None:
    """The answer of DescribeJobGroup, and what is exposed of it."""

    def read(reply: Reply) -> Task | None:
        return aliyun.read_detail(reply, job_group_id="g", zone=_ZONE.key, clock_offset=None)

    _check_tasks([task for task in _read(data, read) if task is not None])


def aliyun_instances(data: bytes) -> None:
    """A page of ListInstances."""
    for page in _read(data, lambda reply: aliyun.read_instances(reply, clock_offset=None)):
        _hold(all(scope.id for scope in page.scopes), "an instance without an id")
        _hold(len(page.scopes) <= page.rows, "more instances than rows")


def aliyun_concurrency(data: bytes) -> None:
    """The three answers that tell of calls at the same time."""
    for page in _read(data, lambda reply: concurrency.read_report(reply, clock_offset=None)):
        _hold(all(task_id for task_id, _ in page.tasks), "a job group without an id")
    for read in (concurrency.read_current, concurrency.read_quota):
        for found in _read(data, partial(read, clock_offset=0.5)):
            _hold(all(value is None or value >= 0 for value in (found.current, found.limit)), "< 0")


def aliyun_credentials(data: bytes) -> None:
    """Temporary credentials, as a service of their own and as STS hand them out."""

    def of_sts(reply: Reply) -> Credentials:
        return credentials_of(json_object(reply, whose="STS").get("Credentials"), whose="STS")

    for read in (partial(read_success, whose="a service"), of_sts):
        for status in _STATUSES:
            try:
                found = read(Reply(status=status, headers={}, body=data))
            except PollError:
                continue
            token = found.security_token
            _hold(token and token.reveal().isprintable(), "a token that is no header")


def gzip_body(data: bytes) -> None:
    """A compressed body."""
    try:
        body = asyncio.run(inflated(data, _CAP))
    except PollError:
        return
    _hold(len(body) <= _CAP.size, "larger than the cap")
    _hold(zlib.decompressobj(31).decompress(data) == body, "not what zlib makes of it")


def configuration(data: bytes) -> None:
    """The text of a configuration file."""
    try:
        parse(data.decode(errors="replace"), file=_FILE, options=_OPTIONS, environ=_ENVIRON)
    except ConfigError as error:
        _check_refusal(error)


def web_configuration(data: bytes) -> None:
    """A web configuration."""
    try:
        parse_web_config(data, file=_FILE)
    except ConfigError as error:
        _check_refusal(error)


def accept(data: bytes) -> None:
    """``Accept`` and ``Accept-Encoding``."""
    header = _header(data)
    negotiation.wants_openmetrics(header)
    negotiation.accepts_gzip(header)


def authorization(data: bytes) -> None:
    """``Authorization`` with a user and a password."""
    found = guard._credentials(_header(data))  # noqa: SLF001  # the only reader of that header
    if found is not None:
        again = base64.b64encode(b":".join(found)).decode()
        _hold(guard._credentials(f"Basic {again}") == found, "read twice, not the same")  # noqa: SLF001


def retry_after(data: bytes) -> None:
    """``Retry-After`` and ``Date``, a line each."""
    asked, _, date = _header(data).partition("\n")
    headers = {"retry-after": asked, "x-acs-retry-after": date, "date": date}
    seconds = waiting_seconds(headers, received_at=_NOW)
    _hold(seconds is None or 0 <= seconds <= LONGEST_SECONDS, f"a wait of {seconds} s")


TARGETS: Final[Mapping[str, Reader]] = {
    "dezhu-page": dezhu_page,
    "aliyun-page": aliyun_page,
    "aliyun-detail": aliyun_detail,
    "aliyun-instances": aliyun_instances,
    "aliyun-concurrency": aliyun_concurrency,
    "aliyun-credentials": aliyun_credentials,
    "gzip-body": gzip_body,
    "configuration": configuration,
    "web-configuration": web_configuration,
    "accept": accept,
    "authorization": authorization,
    "retry-after": retry_after,
}
"""Every reader of bytes from outside, by the name of its folder of seeds and findings."""


def _header(data: bytes) -> str:
    """A header's value as aiohttp gives it."""
    return data.decode(errors="surrogateescape")


def _check_refusal(error: ConfigError) -> None:
    _hold(error.file == _FILE, "an error that does not name the file")
    _hold(error.message.isprintable(), "a message of more than one line")


def _check_tasks(tasks: Sequence[Task]) -> None:
    renderer = Renderer(platform="p", account="a", collect=COLLECTORS)
    for task in tasks:
        _hold(task.id, "a task without an id")
        if task.schedule is not None:
            _check_hours(task.schedule)
        work = renderer.tasks(Scope("i", "n"), [task], [task_labels(task.id, task.name)])
        for name, text in _finished(work).items():
            lines = b"".join(text.pieces).decode().split("\n")
            _hold(len(lines) == text.samples + 1, f"{name}: not a line a sample")
            _hold(len(set(lines)) == len(lines), f"{name}: a line twice")


def _check_hours(schedule: Schedule) -> None:
    for at in (_NOW, schedule.start, schedule.end):
        if at is not None:
            opened = is_open(schedule, _ZONE, at)
            left = remaining_seconds(schedule, _ZONE, at)
            next_edge(schedule, _ZONE, at, _DAY)
            _hold((opened is None) is not bool(schedule.windows), "open or not is not known")
            _hold(left is None or left >= 0, f"{left} s are left")


def _finished(work: Any) -> Any:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
