"""From frozen values to sample lines."""

import gc
import tracemalloc

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter import rendering
from exporter.config.model import COLLECTORS
from exporter.domain import (
    AccountState,
    Concurrency,
    Failure,
    Info,
    Progress,
    Redial,
    Schedule,
    Scope,
    Settings,
    Status,
    Task,
    Tier,
    TierState,
    Window,
)
from exporter.errors import Reason
from exporter.families import FAMILIES, ClockView, Collector, Family, Labels, Subject
from exporter.rendering import Renderer, clocked, task_labels
from tests.fakes import finished

SCOPE = Scope(id="i-1", name="bots")
FULL = Task(
    id="1",
    name="autumn",
    status=Status.RUNNING,
    info=Info(task_type="manual", script_id="s", priority="1"),
    progress=Progress(
        customers=10,
        completed=9,
        connected=8,
        executing=7,
        failed=6,
        scheduling=5,
        paused=4,
        cancelled=3,
        calls=2,
        reported_progress=0.5,
        reported_connected=0.25,
    ),
    schedule=Schedule(zone="UTC", start=100.0, end=200.5, windows=(Window(0, 10),)),
    settings=Settings(
        max_ringing=30.0,
        after_call_work=5.0,
        dialing_multiplier=1.5,
        target_abandonment=0.03,
        caller_display_strategy=True,
        redial=(Redial("one", enabled=False, interval=300.0, max_attempts=2),),
        max_attempts_per_day=3,
        min_attempt_interval=600.0,
        recall_ignored=(("empty_number", True), ("in_arrears", False)),
        repeatable=False,
        calling_numbers=0,
        recall_calling_numbers=2,
        min_concurrency=1,
    ),
    agents=(("77", 4), ("78", 0)),
    created=50.0,
    modified=60.0,
)
BARE = Task(id="2", name="", status=Status.UNKNOWN)
TASK = 'platform="p",account="a",task_id="1",task_name="autumn"'


class Lined:
    """A renderer that gives its lines one by one."""

    def __init__(self, rendering):
        self.rendering = rendering

    def tasks(self, scope, tasks):
        labels = [task_labels(task.id, task.name) for task in tasks]
        return lined(finished(self.rendering.tasks(scope, tasks, labels)))

    def clock(self, views):
        labels = [task_labels(task.id, task.name) for task, _ in views]
        return lined(self.rendering.clock([view for _, view in views], labels))

    def concurrency(self, rows):
        return lined(self.rendering.concurrency(rows))

    def state(self, state):
        return lined(self.rendering.state(state))


def lined(lines):
    found = {
        name: b"".join(text.pieces).decode().splitlines(keepends=True)
        for name, text in lines.items()
    }
    assert {name: len(mine) for name, mine in found.items()} == {
        name: text.samples for name, text in lines.items()
    }
    return found


def renderer(*collect, platform="p", account="a"):
    return Lined(Renderer(platform=platform, account=account, collect=collect or COLLECTORS))


def changed(task=FULL, **fields):
    return msgspec.structs.replace(task, **fields)


def labels_of(line):
    (family,) = text_string_to_metric_families(line)
    (sample,) = family.samples
    return sample.labels


# What is rendered


def test_each_sample_of_a_task_is_one_line():
    lines = renderer().tasks(SCOPE, [FULL])

    assert lines["outbound_task_customers"] == [
        f'outbound_task_customers{{{TASK},status="running"}} 10\n'
    ]
    assert lines["outbound_task_end_timestamp_seconds"] == [
        f"outbound_task_end_timestamp_seconds{{{TASK}}} 200.5\n"
    ]
    assert lines["outbound_task_redial_enabled"] == [
        f'outbound_task_redial_enabled{{{TASK},batch="one"}} 0\n'
    ]
    assert lines["outbound_task_agent_assigned_customers"] == [
        f'outbound_task_agent_assigned_customers{{{TASK},agent_id="77"}} 4\n',
        f'outbound_task_agent_assigned_customers{{{TASK},agent_id="78"}} 0\n',
    ]
    assert lines["outbound_task_info"] == [
        f'outbound_task_info{{{TASK},status="running",task_type="manual",skill_group_id="",'
        'skill_group_name="",number_group_id="",dialing_strategy="",instance_id="i-1",'
        'instance_name="bots",script_id="s",script_name="",script_version="",priority="1"} 1\n'
    ]


def test_a_task_with_every_field_has_every_family_of_a_task_but_those_of_the_clock():
    lines = renderer().tasks(SCOPE, [FULL])

    not_here = {Subject.CLOCK, Subject.STATE, Subject.CONCURRENCY}
    assert set(lines) == {family.name for family in FAMILIES if family.subject not in not_here}


def test_fields_that_the_vendor_left_out_have_no_series():
    assert set(renderer().tasks(SCOPE, [BARE])) == {"outbound_task_info"}


@pytest.mark.parametrize("field", Progress.__struct_fields__)
def test_one_absent_count_takes_away_one_series_and_no_other(field):
    whole = renderer().tasks(SCOPE, [FULL])
    progress = msgspec.structs.replace(FULL.progress, **{field: None})
    lines = renderer().tasks(SCOPE, [changed(progress=progress)])

    gone = {line for mine in whole.values() for line in mine} - {
        line for mine in lines.values() for line in mine
    }
    assert len(gone) == 1
    assert not any("NaN" in line or "None" in line for mine in lines.values() for line in mine)


@pytest.mark.parametrize("field", Settings.__struct_fields__)
def test_one_absent_setting_takes_away_its_series_alone(field):
    whole = renderer().tasks(SCOPE, [FULL])
    empty = () if isinstance(getattr(FULL.settings, field), tuple) else None
    settings = msgspec.structs.replace(FULL.settings, **{field: empty})
    lines = renderer().tasks(SCOPE, [changed(settings=settings)])

    gone = set(whole) - set(lines)
    assert len(gone) == (3 if field == "redial" else 1)
    assert all(lines[name] == whole[name] for name in lines)


@pytest.mark.parametrize("field", ["enabled", "interval", "max_attempts"])
def test_one_absent_field_of_a_batch_leaves_the_others(field):
    redial = msgspec.structs.replace(FULL.settings.redial[0], **{field: None})
    settings = Settings(redial=(redial, Redial("two", True, 60.0, 1)))
    lines = renderer("settings").tasks(SCOPE, [changed(settings=settings)])

    assert sorted(len(mine) for mine in lines.values()) == [1, 2, 2]


def test_zero_and_false_are_values():
    progress = Progress(customers=0, executing=0, reported_progress=0.0)
    lines = renderer("progress").tasks(SCOPE, [changed(progress=progress)])

    for name in ("customers", "jobs", "reported_progress_ratio"):
        (line,) = lines[f"outbound_task_{name}"]
        assert line.endswith(" 0\n")


def test_tasks_stand_in_their_order_within_each_family():
    tasks = [changed(id=str(number)) for number in (3, 1, 2)]
    lines = renderer("progress").tasks(SCOPE, tasks)

    assert [labels_of(line)["task_id"] for line in lines["outbound_task_calls"]] == ["3", "1", "2"]


def test_tasks_that_share_settings_and_those_that_do_not_each_have_their_own_lines():
    others = msgspec.structs.replace(FULL.settings, max_ringing=31.0)
    tasks = [
        changed(id="1"),
        changed(id="2", settings=others),
        changed(id="3"),
        changed(BARE, id="4"),
    ]
    lines = renderer("settings").tasks(SCOPE, tasks)["outbound_task_max_ringing_seconds"]

    shown = {labels_of(line)["task_id"]: line.rpartition(" ")[2].strip() for line in lines}
    assert shown == {"1": "30", "2": "31", "3": "30"}


def test_a_count_that_some_tasks_lack_stands_with_those_that_have_it():
    tasks = [changed(id=str(n), progress=Progress(calls=n if n % 2 else None)) for n in range(5)]
    lines = renderer("progress").tasks(SCOPE, tasks)["outbound_task_calls"]

    assert [(labels_of(line)["task_id"], line.rpartition(" ")[2]) for line in lines] == [
        ("1", "1\n"),
        ("3", "3\n"),
    ]


def test_no_tasks_are_no_lines():
    assert renderer().tasks(SCOPE, []) == {}
    assert renderer().clock([]) == {}


@pytest.mark.parametrize("collector", COLLECTORS)
def test_only_the_collectors_that_are_on_are_rendered(collector):
    one = renderer(collector)
    view = ClockView(window_open=True, remaining=1.5)
    calls = Concurrency(1, 2, 3)
    names = {
        *one.tasks(SCOPE, [FULL]),
        *one.clock([(FULL, view)]),
        *one.concurrency([("1", "autumn", calls)]),
        *(
            name
            for name in one.state(state(scopes_concurrency=((SCOPE, calls),), concurrency=calls))
            if "_concurrency" in name
        ),
    }

    assert names == {family.name for family in FAMILIES if family.collector == collector}
    assert one.rendering.follows_clock == (collector == "schedule")
    assert "outbound_account_up" in one.state(state(up=True))


def test_what_follows_the_clock_is_rendered_apart():
    lines = renderer().clock(
        [
            (FULL, ClockView(window_open=True, remaining=1.5)),
            (BARE, ClockView(window_open=None, remaining=None)),
        ]
    )

    assert lines == {
        "outbound_task_calling_window_open": [f"outbound_task_calling_window_open{{{TASK}}} 1\n"],
        "outbound_task_calling_remaining_seconds": [
            f"outbound_task_calling_remaining_seconds{{{TASK}}} 1.5\n"
        ],
    }


def test_values_that_never_come_again_are_not_kept():
    # The calling time that remains is another number for each task and each minute.
    rows = [
        (FULL, ClockView(window_open=True, remaining=100_000 - number / 7))
        for number in range(30_000)
    ]
    one = renderer("schedule")
    one.clock(rows[:100])
    gc.collect()
    tracemalloc.start()
    try:
        for begin in range(0, len(rows), 500):
            one.clock(rows[begin : begin + 500])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 2_000_000


def test_concurrency_has_a_line_for_each_value_that_is_known():
    lines = renderer().concurrency(
        [
            ("1", "autumn", Concurrency(current=0, limit=20)),
            ("2", "call 13812345678", Concurrency(limit=5, unknown=("f",))),
            ("3", "nothing", Concurrency()),
        ]
    )

    two = 'platform="p",account="a",task_id="2",task_name="call 138********"'
    assert lines == {
        "outbound_task_concurrency": [f"outbound_task_concurrency{{{TASK}}} 0\n"],
        "outbound_task_concurrency_limit": [
            f"outbound_task_concurrency_limit{{{TASK}}} 20\n",
            f"outbound_task_concurrency_limit{{{two}}} 5\n",
        ],
    }


def test_only_a_schedule_with_windows_follows_the_clock():
    assert clocked(FULL) is FULL.schedule
    assert clocked(changed(schedule=Schedule(zone="UTC", start=1.0))) is None
    assert clocked(BARE) is None


# The account


def state(**changes):
    tiers = {tier: TierState(60.0) for tier in Tier}
    return AccountState(**{"up": None, "tiers": tiers, "tasks": {}, "dropped": {}, **changes})


def of_state(name, **changes):
    lines = renderer().state(state(**changes)).get(f"outbound_{name}", [])
    rest = [
        {key: value for key, value in labels_of(line).items() if key not in {"platform", "account"}}
        for line in lines
    ]
    return [
        (*labels.values(), line.rpartition(" ")[2].strip())
        for labels, line in zip(rest, lines, strict=True)
    ]


@pytest.mark.parametrize(("up", "rows"), [(None, []), (True, [("1",)]), (False, [("0",)])])
def test_up_is_absent_before_the_first_attempt(up, rows):
    assert of_state("account_up", up=up) == rows


def test_every_status_and_every_reason_to_drop_is_told_also_with_0():
    tasks = of_state("account_tasks", tasks={Status.RUNNING: 3})
    dropped = of_state("account_dropped_tasks", dropped={"aged": 2})

    assert tasks == [(status.value, "3" if status is Status.RUNNING else "0") for status in Status]
    assert dropped == [("filtered", "0"), ("aged", "2"), ("limit", "0")]


def test_all_reasons_of_failure_are_told_and_those_at_work_are_1():
    failures = (
        Failure("active", "auth", "m", 1.0),
        Failure("idle", "auth", "m", 1.0),
        Failure("detail", "bug", "m", 1.0),
    )

    assert of_state("account_failure", failures=failures) == [
        (reason.value, "1" if reason.value in {"auth", "bug"} else "0") for reason in Reason
    ]


def test_what_is_not_known_of_an_account_has_no_series():
    names = set(renderer().state(state()))

    assert names == {
        f"outbound_account_{name}"
        for name in ("failure", "refresh_interval_seconds", "tasks", "dropped_tasks")
    }


def test_tiers_instances_and_collectors_are_told_each_by_its_own_labels():
    tiers = {Tier.ACTIVE: TierState(60.0, 5.0, 0.5), Tier.IDLE: TierState(300.0)}
    known = {
        "tiers": tiers,
        "scopes_up": ((SCOPE, True), (Scope("i-2"), False)),
        "collectors_up": (("detail", True),),
        "clock_offset": -3,
        "credential_expiry": 9.0,
        "details_outstanding": 0,
        "unclassified": 2,
        "scopes_concurrency": (
            (SCOPE, Concurrency(current=4, limit=9)),
            (Scope("i-2"), Concurrency(limit=0)),
        ),
        "concurrency": Concurrency(current=1, limit=50, remaining=8),
    }

    rows = {
        "account_refresh_interval_seconds": [("active", "60"), ("idle", "300")],
        "account_last_success_timestamp_seconds": [("active", "5")],
        "account_poll_duration_seconds": [("active", "0.5")],
        "instance_up": [("i-1", "bots", "1"), ("i-2", "", "0")],
        "account_collector_up": [("detail", "1")],
        "account_clock_offset_seconds": [("-3",)],
        "account_credential_expiry_timestamp_seconds": [("9",)],
        "account_details_outstanding": [("0",)],
        "account_unclassified_tasks": [("2",)],
        "instance_concurrency": [("i-1", "bots", "4")],
        "instance_concurrency_limit": [("i-1", "bots", "9"), ("i-2", "", "0")],
        "account_concurrency_limit": [("50",)],
        "account_concurrency_remaining": [("8",)],
    }
    assert {name: of_state(name, **known) for name in rows} == rows


# Labels


def test_names_are_masked_and_ids_are_not():
    phone = "13812345678"
    task = changed(
        id=phone,
        name=f"call {phone}",
        info=Info(
            skill_group_id=phone,
            skill_group_name=phone,
            number_group_id=phone,
            script_id=phone,
            script_name=phone,
            script_version=phone,
        ),
        settings=Settings(redial=(Redial(phone, enabled=True),)),
        agents=((phone, 1),),
    )
    lines = renderer().tasks(Scope(id=phone, name=phone), [task])

    info = labels_of(lines["outbound_task_info"][0])
    masked = {"task_name", "skill_group_name", "instance_name", "script_name"}
    assert {name for name, value in info.items() if "138********" in value} == masked
    assert {name for name, value in info.items() if phone in value} == {
        *("task_id", "skill_group_id", "number_group_id", "instance_id"),
        *("script_id", "script_version"),
    }
    assert labels_of(lines["outbound_task_redial_enabled"][0])["batch"] == "138********"
    assert labels_of(lines["outbound_task_agent_assigned_customers"][0])["agent_id"] == phone


@pytest.mark.parametrize(
    "name",
    [
        'say "hi"',
        "back\\slash",
        "two\nlines",
        "end\\",
        "{a=b} 1",
        "催收作业组",
        "#",
        " ",
        "50% off",
        "%d",
    ],
)
def test_any_name_is_one_label_of_one_line(name):
    redialled = changed(settings=Settings(redial=(Redial(name, enabled=True),)))
    for lines in (
        renderer().tasks(Scope(id=name, name=name), [changed(id=name, name=name)]),
        renderer(account=name, platform=name).state(state(up=True)),
        {"redial": renderer("settings").tasks(SCOPE, [redialled])["outbound_task_redial_enabled"]},
    ):
        for mine in lines.values():
            for line in mine:
                assert line.count("\n") == 1
                assert name in labels_of(line).values()


def test_names_are_masked_before_they_are_cut():
    name = "x" * 250 + "13812345678"
    (line,) = renderer("progress").tasks(SCOPE, [changed(BARE, name=name)])["outbound_task_info"]

    assert labels_of(line)["task_name"] == "x" * 250 + "138**…"


# Faults in a row of the table


def table_of(monkeypatch, read, *extra):
    subject = Subject.SETTINGS if extra else Subject.TASK
    family = Family(
        "outbound_task_odd", Collector.PROGRESS, Labels.TASK, subject, "H.", read, extra=extra
    )
    monkeypatch.setattr(rendering, "FAMILIES", (family,))
    return renderer()


@pytest.mark.parametrize("values", [(), ("x",), ("x", "y", "z")])
def test_a_wrong_number_of_label_values_raises(monkeypatch, values):
    odd = table_of(monkeypatch, lambda _: [(values, 1)], "one", "two")

    with pytest.raises(ValueError, match="zip"):
        odd.tasks(SCOPE, [FULL])


def test_the_same_series_twice_raises_and_names_the_family(monkeypatch):
    odd = table_of(monkeypatch, lambda _: [(("x", "y"), 1), (("x", "y"), 2)], "one", "two")

    with pytest.raises(ValueError, match="outbound_task_odd: the same series twice"):
        odd.tasks(SCOPE, [FULL])


def test_the_same_values_of_two_tasks_are_two_series(monkeypatch):
    fine = table_of(monkeypatch, lambda _: [(("x",), 1)], "one")

    assert len(fine.tasks(SCOPE, [FULL, changed(id="2")])["outbound_task_odd"]) == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "text"])
def test_a_value_that_is_no_number_raises(monkeypatch, value):
    odd = table_of(monkeypatch, lambda _: value)

    with pytest.raises((ValueError, OverflowError)):
        odd.tasks(SCOPE, [FULL])
