"""The floor of a sweep renders what the exporter exposes: the same series, not only as many."""

import re
from zoneinfo import ZoneInfo

import msgspec
import pytest

from benchmarks.floor_lines import Instance, aliyun_page, dezhu_page
from exporter.domain import Scope
from exporter.families import ClockView
from exporter.rendering import Renderer, clocked, task_labels
from exporter.reply import Reply
from exporter.simulator import SimulatorOptions
from exporter.simulator.aliyun_rows import row_of as aliyun_row
from exporter.simulator.answers import encode
from exporter.simulator.dezhu import accepted
from exporter.simulator.dezhu_rows import row_of as dezhu_row
from exporter.simulator.population import Place
from exporter.simulator.world import World
from exporter.sources.aliyun.parse import read_page as read_aliyun
from exporter.sources.dezhu.parse import read_page as read_dezhu
from tests.fakes import finished

ZONE = ZoneInfo("Asia/Shanghai")
SERIES = re.compile(r"(.+) (\S+)\n")
INSTANCE = Instance("instance-1", "外呼机器人")


def rows(place: Place, row_of) -> list[msgspec.Raw]:
    world = World(SimulatorOptions(tasks=200, finished_share=0.5, automatic=False), [place])
    shelf = world.shelf(place.vendor, place.account, place.scope)
    return [msgspec.Raw(row_of(campaign)) for campaign in shelf]


def ours(platform: str, collect: list[str], page, scope: Scope) -> dict[str, float]:
    renderer = Renderer(platform=platform, account="a", collect=collect)
    labels = [task_labels(task.id, task.name) for task in page.tasks]
    every = [finished(renderer.tasks(scope, page.tasks, labels))]
    if renderer.follows_clock:
        rows = zip(page.tasks, labels, strict=True)
        timed = [label for task, label in rows if clocked(task)]
        every.append(renderer.clock([ClockView(True, 3600.0)] * len(timed), timed))
    texts = [text for each in every for text in each.values()]
    return series(b"".join(piece for text in texts for piece in text.pieces).decode())


def series(text: str) -> dict[str, float]:
    """Values by name and labels, of lines that are each there once."""
    found = SERIES.findall(text)
    assert len(dict(found)) == len(found) == text.count("\n")
    return {name: float(value) for name, value in found}


def test_the_floor_of_dezhu_shows_the_series_and_values_of_the_exporter():
    listed = rows(Place("dezhu", "a", ""), dezhu_row)
    body = accepted({"total": 200, "list": listed}).body
    page = read_dezhu(Reply(status=200, headers={}, body=body), ZONE)

    total, count, text = dezhu_page(body, "a")

    expected = ours("dezhu", ["progress", "schedule", "settings", "agents"], page, Scope())
    assert series(text.decode()) == pytest.approx(expected)
    assert (total, count) == (200, len(expected))


def test_the_floor_of_aliyun_shows_the_series_and_values_of_the_exporter():
    listed = rows(Place("aliyun", "a", INSTANCE.instance_id), aliyun_row)
    body = encode({"Code": "OK", "JobGroups": {"TotalCount": 200, "List": listed}})
    page = read_aliyun(Reply(status=200, headers={}, body=body), clock_offset=None)

    total, count, text = aliyun_page(body, "a", INSTANCE)

    scope = Scope(INSTANCE.instance_id, INSTANCE.instance_name)
    expected = ours("aliyun", ["progress"], page, scope)
    assert series(text.decode()) == pytest.approx(expected)
    assert (total, count) == (200, len(expected))
