import asyncio

import pytest

from exporter.simulator import Fault, ScenarioError

STORY = """
name: a bad afternoon
steps:
  - {at: 0, task: steady-campaign, do: pause}
  - {at: 60, task: {vendor: dezhu, name: steady-campaign}, do: resume}
  - {at: 90, task: steady-campaign, do: append, customers: 500}
  - {at: 100, create: {vendor: dezhu, name: late-campaign, customers: 200}}
  - {at: 120, fault: {kind: code, vendor: dezhu, code: "20001"}, for: 30}
  - {at: 130, fault: {kind: empty, vendor: aliyun}, label: hole}
  - {at: 170, clear: hole}
  - {at: 180, task: {status: running, vendor: dezhu, first: 3}, do: fail}
  - {at: 200, task: no-such-*, do: pause}
"""


async def test_a_scenario_happens_as_time_goes_on(simulator, dezhu, aliyun, instance):
    world = simulator.world
    customers = world.task("steady-campaign").values["customers"]
    await simulator.apply(STORY)
    assert world.task("steady-campaign", vendor="dezhu").status == "paused"

    world.advance(60)
    assert world.task("steady-campaign", vendor="dezhu").status == "running"
    assert world.task("steady-campaign", vendor="aliyun").status == "paused"

    world.advance(59)
    assert world.task("steady-campaign").values["customers"] == customers + 500
    assert world.task("late-campaign").values["customers"] == 200

    world.advance(11)
    assert (await dezhu.page()).code == "20001"
    assert not (await aliyun.groups(instance)).rows

    world.advance(40)
    assert (await dezhu.page()).code == "10000"
    assert (await aliyun.groups(instance)).rows

    failed = (await dezhu.page(taskStatus=6)).total
    world.advance(30)
    assert (await dezhu.page(taskStatus=6)).total == failed + 3
    assert len(world.missed) == 1
    assert "no-such-*" in world.missed[0]


async def test_steps_happen_at_their_very_second(simulator):
    began = simulator.world.now
    await simulator.apply([{"at": 13.5, "task": "stuck-campaign", "do": "fail"}])
    simulator.world.advance(600)

    (change,) = [
        record
        for record in simulator.world.truth()
        if record.name == "stuck-campaign" and record.vendor == "dezhu" and record.time > began
    ]
    assert (change.time, change.status) == (began + 13.5, "failed")


async def test_a_scenario_comes_from_a_file(simulator, tmp_path):
    path = tmp_path / "scenario.yaml"
    text = "- {task: steady-campaign, do: cancel}"
    await asyncio.to_thread(path.write_text, text, encoding="utf-8")
    await simulator.apply(path)

    assert simulator.world.task("steady-campaign", vendor="aliyun").status == "cancelled"


async def test_a_fault_may_be_cleared_before_its_time_or_with_all(simulator):
    await simulator.apply(
        [
            {"at": 0, "fault": {"kind": "empty"}, "for": 100, "label": "one"},
            {"at": 10, "clear": "one"},
            {"at": 20, "fault": {"kind": "garbage"}},
            {"at": 30, "clear": "all"},
        ]
    )
    assert list(simulator.faults.active().values()) == [Fault(kind="empty")]
    simulator.world.advance(10)
    assert not simulator.faults.active()
    simulator.world.advance(200)
    assert not simulator.faults.active()


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ("[", "not YAML"),
        ("pause", "expected a list of steps"),
        ({"step": []}, "unknown keys"),
        (["pause"], "step 0: expected a mapping"),
        ([{"at": 0}], "step 0: expected exactly one of"),
        ([{"do": "pause"}], "step 0: do needs a task"),
        ([{"clear": "all"}, {"task": "x", "do": "explode"}], "step 1: Invalid enum value"),
        ([{"task": "x", "do": "append"}], "step 0: append needs customers"),
        ([{"task": "x", "do": "set_pace"}], "step 0: set_pace needs rate, lines or rounds"),
        ([{"task": "x", "do": "set_pace", "rate": -1}], "step 0: .*must not be negative"),
        ([{"task": "x", "do": "pause", "when": 3}], "step 0: unknown keys"),
        ([{"task": {"title": "x"}, "do": "pause"}], "unknown field `title`"),
        ([{"fault": {"kind": "boom"}}], "step 0: Invalid enum value 'boom'"),
        ([{"at": "soon", "clear": "all"}], "step 0: Expected `float`"),
        ([{"create": {"vendor": "dezhu", "account": "nobody"}}], "no place for a task"),
    ],
)
async def test_a_scenario_with_a_mistake_is_refused(simulator, scenario, message):
    with pytest.raises(ScenarioError, match=message.replace("[", r"\[")):
        await simulator.apply(scenario)
