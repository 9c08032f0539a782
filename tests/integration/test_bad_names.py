"""Names as people give them: every one parses, reads back as it was, and hides mobile numbers."""

from html import unescape

import pytest

from exporter.simulator import Edit, Fault
from tests.integration._drive import (
    INTERVAL_SECONDS,
    OPENMETRICS,
    TWO_EACH,
    driven,
    parsed_both_ways,
)

NUMBER = "13812345678"
HIDDEN = "138********"
NAMES = {
    'say "hello"': None,
    "back\\slash \\n \\\\ \\": None,
    "two\nlines\n": None,
    "carriage\rreturn and\r\nboth": None,
    "tab\tand \x0b \x0c \x1c \x85 \u2028 \u2029": None,
    "nul \x00 and bell \x07": None,
    "emoji 📞🔥👩‍👩‍👧 and 𝔘": None,
    "<script>alert('x')</script> & {a=\"b\"} # HELP": None,
    "  blanks around  ": None,
    "right-to-left \u202e left": None,
    "满意度回访（二）": None,
    "x" * 255: None,
    "y" * 256: "y" * 255 + "…",
    "很长" * 2000: "很长" * 127 + "很…",
    '"' * 4000: '"' * 255 + "…",
    "\\" * 300: "\\" * 255 + "…",
    f"call {NUMBER} back": f"call {HIDDEN} back",
    NUMBER: HIDDEN,
    f"{NUMBER}-{NUMBER}": f"{HIDDEN}-{HIDDEN}",
    f"回访{NUMBER}客户": f"回访{HIDDEN}客户",
    "z" * 250 + NUMBER: "z" * 250 + "138**…",
    "139123456780 is no mobile number": None,
    "12012345678 neither": None,
    "order 20261121": None,
}


def mine(samples, name, **labels):
    return [
        (dict(found), value)
        for (family, found), value in samples.items()
        if family == name and labels.items() <= dict(found).items()
    ]


@pytest.fixture(params=["dezhu-demo", "aliyun-demo"])
async def named(request):
    """A world in which one account's campaigns bear these names."""
    account = request.param
    other = "aliyun_accounts" if account.startswith("dezhu") else "dezhu_accounts"
    options = {**TWO_EACH, "dezhu_accounts": 1, "aliyun_accounts": 1, other: 0}
    options |= {"tasks": len(NAMES) + 8, "finished_share": 0.0}
    async with driven(options=options) as drive:
        tasks = [
            task
            for task in drive.simulator.world.tasks()
            if task.status in {"running", "paused", "not_started", "scheduling", "draft"}
        ]
        chosen = dict(zip(NAMES, tasks, strict=False))
        assert len(chosen) == len(NAMES)
        for name, task in chosen.items():
            drive.simulator.world.edit(task.name, Edit(do="rename", name=name))
        await drive.polled()
        yield drive, account, {task.task_id: name for name, task in chosen.items()}


async def test_names_read_back_with_either_parser_and_hide_mobile_numbers(named):
    drive, _, names = named
    _, text = await drive.world.get("/metrics")
    _, openmetrics = await drive.world.get("/metrics", Accept=OPENMETRICS)
    plain, other = parsed_both_ways(text, openmetrics)
    assert plain == other
    for task_id, name in names.items():
        wanted = NAMES[name] or name
        for samples in (plain, other):
            ((labels, value),) = mine(samples, "outbound_task_info", task_id=task_id)
            assert labels["task_name"] == wanted
            assert value == 1
            rows = mine(samples, "outbound_task_customers", task_id=task_id)
            assert [labels["task_name"] for labels, _ in rows] == [wanted]
    assert NUMBER not in text
    assert NUMBER not in openmetrics


async def test_a_narrowed_scrape_reads_back_too(named):
    drive, account, names = named
    _, text = await drive.world.get(f"/metrics?account={account}")
    _, openmetrics = await drive.world.get(f"/metrics?account={account}", Accept=OPENMETRICS)
    plain, other = parsed_both_ways(text, openmetrics)
    assert plain == other
    shown = {labels["task_name"] for labels, _ in mine(plain, "outbound_task_info")}
    assert {NAMES[name] or name for name in names.values()} <= shown


async def test_the_page_escapes_names_and_hides_mobile_numbers(named):
    drive, _, names = named
    _, page = await drive.world.get("/")
    assert NUMBER not in page
    assert "<script" not in page
    shown = unescape(page)
    for name in names.values():
        wanted = NAMES[name] or name
        if not {"\r", "\x00"} & set(wanted):  # which HTML reads as other characters
            assert wanted in shown, wanted
    assert HIDDEN in shown


async def test_the_log_and_the_exporters_own_metrics_hold_no_names(named):
    drive, account, _ = named
    drive.simulator.faults.set(Fault(kind="garbage", account=account))
    await drive.forward(INTERVAL_SECONDS + 2)
    assert drive.up(account) is False
    await drive.assert_nothing_leaks(NUMBER)
    assert "<script" not in drive.log


@pytest.mark.parametrize("kind", ["strange_names", "phone_names"])
@pytest.mark.parametrize("vendor", ["dezhu", "aliyun"])
async def test_names_of_tasks_and_instances_as_the_simulators_make_them(vendor, kind):
    other = "aliyun_accounts" if vendor == "dezhu" else "dezhu_accounts"
    options = {**TWO_EACH, "aliyun_instances": 2, other: 0}
    async with driven(options=options) as drive:
        drive.simulator.faults.set(Fault(kind=kind))
        await drive.forward(5)
        _, text = await drive.world.get("/metrics")
        _, openmetrics = await drive.world.get("/metrics", Accept=OPENMETRICS)
        plain, other = parsed_both_ways(text, openmetrics)
        assert plain == other
        for labels, _ in mine(plain, "outbound_task_info"):
            assert len(labels["task_name"]) <= 256
            if kind == "phone_names":
                assert labels["task_name"].startswith("回访138********-")
        if vendor == "aliyun":
            rows = mine(plain, "outbound_instance_up", account="aliyun-demo")
            assert len(rows) == 2
            names = {labels["instance_name"] for labels, _ in rows}
            if kind == "phone_names":
                assert names == {"回访138********-0", "回访138********-1"}
            else:
                assert 'quote " and backslash \\ and\nnewline' in names
        assert not drive.lines("bug")
        await drive.assert_nothing_leaks("13800000000")


async def test_an_instance_named_with_a_mobile_number_does_not_bring_it_into_the_log():
    async with driven(options={**TWO_EACH, "dezhu_accounts": 0}) as drive:
        drive.simulator.faults.set(Fault(kind="phone_names", operation="ListInstances"))
        drive.simulator.faults.set(
            Fault(kind="code", code="InternalError", operation="ListJobGroups", times=60)
        )
        await drive.forward(5)
        assert drive.lines("poll failed", account="aliyun-demo")
        await drive.assert_nothing_leaks("13800000000")
        drive.simulator.faults.clear()
        drive.simulator.faults.set(Fault(kind="phone_names", operation="ListInstances"))
        await drive.until(lambda: drive.up("aliyun-demo") is True, within=INTERVAL_SECONDS + 5)
        await drive.assert_nothing_leaks("13800000000")
