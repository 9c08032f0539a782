"""What an account will ask of its vendor, as its configuration tells."""

import msgspec
import pytest

from exporter.config.model import Account, Common
from exporter.sources import SOURCES


def outline(platform, **options):
    kind = SOURCES[platform]
    usual = {
        "aliyun": {"credentials": {"type": "access_key", "access_key_id": "id"}},
        "dezhu": {"base_url": "http://127.0.0.1:1", "app_id": "app", "private_key_file": "key"},
    }[platform]
    if platform == "aliyun":
        usual["credentials"]["access_key_secret_file"] = "secret"
    found = msgspec.convert({**usual, **options}, kind.options)
    return kind.outline(
        Account(Common(name="x", platform=platform), options=found, path="accounts[0]")
    )


def test_a_dezhu_account_is_one_scope_of_lists_of_one_status():
    found = outline("dezhu", page_size=50)
    assert (found.scopes, found.tasks) == (1, None)
    assert (found.abilities.page_size, found.abilities.statuses_per_query) == (50, 1)
    assert not found.abilities.discovers


GROUPS = [{"instance_id": "a", "job_group_id": str(number)} for number in range(3)]


@pytest.mark.parametrize(
    ("options", "scopes", "tasks", "discovers"),
    [
        ({}, None, None, True),
        ({"instances": ["a", "b"]}, 2, None, False),
        ({"job_groups": GROUPS}, 1, 3, False),
    ],
    ids=["discovered", "instances", "job groups"],
)
def test_the_instances_of_an_aliyun_account_are_those_configured_or_discovered(
    options, scopes, tasks, discovers
):
    found = outline("aliyun", **options)
    assert (found.scopes, found.tasks) == (scopes, tasks)
    assert found.abilities.discovers is discovers
