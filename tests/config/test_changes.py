"""What differs between two configurations: names and keys, never a value."""

import msgspec
import pytest

from exporter.config.changes import Difference, changed_keys, difference
from exporter.config.loader import parse
from exporter.sources import SOURCES

OPTIONS = {name: kind.options for name, kind in SOURCES.items()}
SECRET = "secret-4711"
BOTS = """
  - name: bots
    platform: aliyun
    credentials: {type: access_key, access_key_id: id, access_key_secret: secret-4711}
"""
CALLS = """
  - name: calls
    platform: dezhu
    base_url: https://tenant.example.com
    app_id: app
    private_key: key-4711
"""


@pytest.fixture
def config(tmp_path):
    def parsed(*accounts, defaults="{}"):
        text = f"defaults: {defaults}\naccounts:{''.join(accounts)}"
        return parse(text, file=tmp_path / "c.yaml", options=OPTIONS, environ={}).accounts

    return parsed


def test_accounts_that_come_go_and_stay_are_told_apart_by_name(config):
    before, after = config(CALLS, BOTS), config(BOTS, CALLS.replace("calls", "others"))

    assert difference(before, after) == Difference(
        added=("others",), removed=("calls",), unchanged=("bots",)
    )


def test_the_first_configuration_is_all_added(config):
    assert difference([], config(BOTS, CALLS)) == Difference(added=("bots", "calls"))


def test_neither_another_order_nor_where_a_value_is_written_is_a_change(config):
    own = CALLS + "    timeout: 20s\n"
    before, after = config(BOTS, own), config(CALLS, BOTS, defaults="{timeout: 20s}")

    found = difference(before, after)

    assert found.changed == {"bots": ("timeout",)}
    assert found.unchanged == ("calls",)


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        (
            "aliyun",
            "aliyun\n    refresh: {active: 30s, detail: 1d}",
            ("refresh.active", "refresh.detail"),
        ),
        ("aliyun", "aliyun\n    tasks: {include: a.*}", ("tasks.include",)),
        ("aliyun", "aliyun\n    collect: [progress]", ("collect",)),
        ("aliyun", "aliyun\n    proxy_url: http://u:p@h:1", ("proxy_url",)),
        ("aliyun", "aliyun\n    instances: [a]", ("instances",)),
        (SECRET, "secret-4712", ("credentials.access_key_secret",)),
        ("access_key_id: id", "access_key_id: di", ("credentials.access_key_id",)),
    ],
)
def test_every_key_that_differs_is_named_by_its_path(config, old, new, keys):
    (before,), (after,) = config(BOTS), config(BOTS.replace(old, new))

    assert changed_keys(before, after) == keys
    assert changed_keys(after, before) == keys


def test_of_another_platform_only_what_both_have_is_compared(config):
    (before,), (after,) = config(BOTS), config(CALLS.replace("calls", "bots"))

    assert changed_keys(before, after) == ("platform",)


def test_what_a_file_holds_can_be_a_change_beside_the_keys(config):
    before = config(BOTS)

    found = difference(before, config(BOTS), beside={"bots": ("tls_config.ca_file",), "no": ("x",)})

    assert found == Difference(changed={"bots": ("tls_config.ca_file",)})


def test_no_value_is_in_a_difference(config):
    found = difference(config(BOTS), config(BOTS.replace(SECRET, "secret-4712")))

    assert "471" not in msgspec.json.encode(found).decode() + repr(found)
