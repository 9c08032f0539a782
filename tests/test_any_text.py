"""Whatever text is in an answer, both parsers of prometheus-client read it back from a scrape."""

import asyncio
import re
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from exporter.config.model import COLLECTORS
from exporter.domain import AccountState, Scope
from exporter.exposition import segment
from exporter.rendering import Renderer, task_labels
from exporter.reply import Reply
from exporter.sources.aliyun.parse import read_detail
from exporter.sources.dezhu.parse import read_page
from exporter.store import Store
from tests.fakes import finished

SHANGHAI = ZoneInfo("Asia/Shanghai")
PARSERS = {
    "text": text_families,
    "OpenMetrics": lambda text: openmetrics_families(text + "# EOF\n"),
}
MOBILE = re.compile(r"(?<!\d)(1[3-9]\d)\d{8}(?!\d)", re.ASCII)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.lists(
    st.sampled_from(
        [
            *("\\", '"', "\n", "\\n", "\r", "\t", "\0", "\x85", "\u2028", "\ufeff", "\u202e"),
            *("{", "}", ",", "=", "#", " ", "%", "%d", "# EOF", "# HELP x y", '"} 1\n', "外呼"),
            *("📞", "13812345678", "0", "x" * 250),
        ]
    ),
    max_size=6,
).map("".join)
IDS = TEXTS.filter(bool)


def shown(name: str, *, masked: bool = True) -> str:
    """What a label holds of a text, by the contract."""
    name = MOBILE.sub(r"\1********", name) if masked else name
    return name if len(name) <= 255 else name[:255] + "…"


def reply(document) -> Reply:
    return Reply(status=200, headers={}, body=msgspec.json.encode(document))


def scraped(task, scope, *, account="a", platform="p") -> str:
    """What a scrape gets of a task and its account."""
    renderer = Renderer(platform=platform, account=account, collect=COLLECTORS)
    labels = [task_labels(task.id, task.name)]
    state = AccountState(up=True, tiers={}, tasks={}, dropped={}, scopes_up=((scope, True),))
    store = Store()
    for part, lines in (
        ("tasks", finished(renderer.tasks(scope, [task], labels))),
        ("state", renderer.state(state)),
    ):
        chunks = {
            name: (segment(b"".join(text.pieces), samples=text.samples),)
            for name, text in lines.items()
        }
        store.replace(account, {part: chunks})
    body = asyncio.run(store.publish()).body
    return b"".join(bytes(piece) for piece in body.plain).decode()


def read_back(text: str, families):
    """The labels of every sample, by name; no series is there twice."""
    found = {}
    seen = set()
    for family in families(text):
        assert family.type == "gauge"
        for sample in family.samples:
            series = (sample.name, *sorted(sample.labels.items()))
            assert series not in seen
            seen.add(series)
            found.setdefault(sample.name, []).append(sample.labels)
    assert len(seen) == sum(not line.startswith("#") for line in text.split("\n")[:-1])
    return found


@pytest.mark.parametrize("families", PARSERS.values(), ids=PARSERS)
@settings(max_examples=60)
@given(
    task_id=IDS,
    name=TEXTS,
    skill=TEXTS,
    batches=st.lists(TEXTS, max_size=3),
    agents=st.lists(TEXTS, max_size=3),
)
def test_texts_of_a_task_of_dezhu_come_back(*, families, task_id, name, skill, batches, agents):
    row = {
        "taskId": task_id,
        "taskName": name,
        "taskStatus": 3,
        "skillSetId": skill,
        "skillSetName": skill,
        "outboundPhoneGroups": [
            {"identify": batch, "autoOutboundSwitch": 1, "autoOutboundTimes": 2}
            for batch in batches
        ],
        "taskAgents": [{"agentId": agent, "assignNum": 1} for agent in agents],
    }
    page = read_page(reply({"code": "10000", "data": {"total": 1, "list": [row]}}), SHANGHAI)
    found = read_back(scraped(page.tasks[0], Scope()), families)

    (info,) = found["outbound_task_info"]
    assert info["task_id"] == shown(task_id, masked=False)
    assert info["task_name"] == shown(name)
    assert info["skill_group_id"] == shown(skill, masked=False)
    assert info["skill_group_name"] == shown(skill)
    redial = [labels["batch"] for labels in found.get("outbound_task_redial_enabled", ())]
    assert len(redial) == len(batches)
    assert {shown(batch) for batch in batches if batch} <= set(redial)
    assigned = found.get("outbound_task_agent_assigned_customers", ())
    assert {labels["agent_id"] for labels in assigned} == {
        shown(agent, masked=False) for agent in agents if agent
    }


@pytest.mark.parametrize("families", PARSERS.values(), ids=PARSERS)
@settings(max_examples=60)
@given(task_id=IDS, name=TEXTS, script=TEXTS, instance=IDS, account=IDS)
def test_texts_of_a_job_group_of_alibaba_come_back(
    *, families, task_id, name, script, instance, account
):
    row = {
        "JobGroupId": task_id,
        "JobGroupName": name,
        "Status": "Executing",
        "ScriptId": script,
        "ScriptName": script,
        "Priority": script,
    }
    task = read_detail(
        reply({"Code": "OK", "Success": True, "JobGroup": row}),
        job_group_id=task_id,
        zone="Asia/Shanghai",
        clock_offset=None,
    )
    found = read_back(scraped(task, Scope(instance, instance), account=account), families)

    (info,) = found["outbound_task_info"]
    (instance_up,) = found["outbound_instance_up"]
    assert info["task_id"] == shown(task_id, masked=False)
    assert info["task_name"] == shown(name)
    assert info["script_id"] == info["priority"] == shown(script, masked=False)
    assert info["script_name"] == shown(script)
    for labels in (info, instance_up):
        assert labels["account"] == shown(account, masked=False)
        assert labels["instance_id"] == shown(instance, masked=False)
        assert labels["instance_name"] == shown(instance)
