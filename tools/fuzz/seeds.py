"""What the fuzzer starts from: the files of the tests, and what the simulators answer."""

import base64
import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from exporter.simulator import Fault, SimulatorOptions
from exporter.simulator.accounts import AliyunAccount, make_directory
from exporter.simulator.aliyun import accepted as aliyun_accepted
from exporter.simulator.aliyun import refused as aliyun_refused
from exporter.simulator.aliyun_actions import ACTIONS, Call
from exporter.simulator.answers import Answer, Slide, Visit
from exporter.simulator.damage import damaged
from exporter.simulator.dezhu import MESSAGES
from exporter.simulator.dezhu import accepted as dezhu_accepted
from exporter.simulator.dezhu import refused as dezhu_refused
from exporter.simulator.dezhu_rows import row_of
from exporter.simulator.faults import Kind
from exporter.simulator.issuing import Issued
from exporter.simulator.shelf import Match
from exporter.simulator.world import World

ROOT: Final = Path(__file__).resolve().parents[2]
MET: Final = ROOT / "tests/data/fuzz"
"""Inputs that were findings once, in a folder for each target."""

_ROWS: Final = 3
_MOST_WORDS: Final = 400
_WORD: Final = re.compile(rb"[A-Za-z0-9_.:/%+-]{2,40}")
# The target of a detail asks for this job group.
_ASKED_ID: Final = "g"
_TARGET_OF: Final = {
    "ListJobGroups": "aliyun-page",
    "DescribeJobGroup": "aliyun-detail",
    "ListInstances": "aliyun-instances",
    "GetRealtimeConcurrencyReport": "aliyun-concurrency",
    "GetCurrentConcurrency": "aliyun-concurrency",
    "GetConcurrentConversationQuota": "aliyun-concurrency",
}
_HEADERS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "accept": (
        b"application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
        b'APPLICATION/OpenMetrics-Text; Version="1.0.0" ; Q=0.5',
        b"gzip;q=0.5, identity;q=0, br, x-gzip, *;q=.2",
    ),
    "authorization": (
        b"Basic " + base64.b64encode(b"alice:correct horse"),
        b"basic " + base64.b64encode(b":"),
        b"Bearer token",
    ),
    "retry-after": (
        b"Wed, 21 Oct 2026 07:28:30 GMT\nWed, 21 Oct 2026 07:28:00 GMT",
        b"120\n1500",
        b"Wed, 21-Oct-26 07:28:30 +0000 (UTC)\nWed Oct 21 07:28:00 2026",
        b"21 Oct 2026 7.28 -0000\n\xff",
    ),
    "gzip-body": (gzip.compress(b'{"code":"10000"}'), gzip.compress(b"x" * 100_000)),
}


def seeds(target: str) -> list[bytes]:
    """The seeds of a target, each once, what was a finding once among them."""
    found = [*_of_files(target), *_HEADERS.get(target, ()), *_answers().get(target, ())]
    return list(dict.fromkeys(found))


def words(inputs: Iterable[bytes]) -> list[bytes]:
    """The words that occur most in inputs: what a fuzzer that knows no grammar puts together."""
    counts = Counter(word for data in inputs for word in set(_WORD.findall(data)))
    return [word for word, _ in counts.most_common(_MOST_WORDS)]


def _of_files(target: str) -> Iterator[bytes]:
    patterns = {
        "configuration": ("config.yaml", "tests/data/config/*.yaml"),
        "web-configuration": ("tests/data/web-config/*.yml",),
        "dezhu-page": ("tests/sources/samples/dezhu-task-page.json",),
        "aliyun-detail": ("tests/sources/samples/aliyun-describe-job-group.json",),
    }
    for pattern in (*patterns.get(target, ()), f"{MET.relative_to(ROOT)}/{target}/*"):
        for file in sorted(ROOT.glob(pattern)):
            yield file.read_bytes()


def _answers() -> Mapping[str, list[bytes]]:
    """What the simulators answer, whole and with every fault in it, by target."""
    options = SimulatorOptions(tasks=60, clock=lambda: 1_773_801_000.0, automatic=False)
    directory = make_directory(options)
    world = World(options, directory.places())
    found: dict[str, list[bytes]] = {"dezhu-page": [], "aliyun-credentials": _credentials()}
    shelf = world.shelf("dezhu", directory.dezhu[0].name)
    for offset in range(0, 12, _ROWS):
        rows, total = shelf.page(Match(), offset=offset, size=_ROWS)
        page = dezhu_accepted({"total": total, "list": [msgspec.Raw(row_of(row)) for row in rows]})
        found["dezhu-page"] += _damaged(page, Visit(vendor="dezhu", operation="page", size=_ROWS))
    found["dezhu-page"] += [dezhu_refused(code, text).body for code, text in MESSAGES.items()]
    for action, target in _TARGET_OF.items():
        answer = _acted(action, world, directory.aliyun[0], options)
        visit = Visit(vendor="aliyun", operation=action, size=_ROWS)
        found.setdefault(target, []).extend(_damaged(answer, visit))
        for code in ("Throttling.User", "NotExist.Instance", "InvalidTimeStamp.Expired"):
            found[target] += [aliyun_refused(code, code, status).body for status in (200, 400)]
    return found


def _acted(action: str, world: World, account: AliyunAccount, options: SimulatorOptions) -> Answer:
    instance = account.instances[0].instance_id
    rows, _ = world.shelf("aliyun", account.name, instance).page(Match(), offset=0, size=1)
    given = {
        "InstanceId": instance,
        "JobGroupId": rows[0].task_id,
        "PageNumber": "1",
        "PageSize": str(_ROWS),
    }
    if action == "GetRealtimeConcurrencyReport":
        del given["JobGroupId"]
    slide = Slide()
    payload: Any = ACTIONS[action](
        Call(world=world, account=account, given=given, slide=slide, options=options)
    )
    if action == "DescribeJobGroup":
        payload["JobGroup"]["JobGroupId"] = _ASKED_ID
    return aliyun_accepted(payload)


def _damaged(answer: Answer, visit: Visit) -> list[bytes]:
    """The answer, and the answer with each fault; one is far too long to begin with."""
    faults = (Fault(kind=kind, code="29008", total=7) for kind in get_args(Kind) if kind != "huge")
    return [answer.body, *(damaged(answer, fault, visit).body for fault in faults)]


def _credentials() -> list[bytes]:
    issued = Issued(
        account="a",
        access_key_id="STS.id",
        access_key_secret="not-a-secret",  # noqa: S106  # made up
        security_token="token",  # noqa: S106
        expires_at=1_773_804_600.0,
    ).fields()
    answers = ({"Code": "Success"} | issued, {"Credentials": issued}, {"Code": "Failed"})
    return [msgspec.json.encode(answer) for answer in answers]
