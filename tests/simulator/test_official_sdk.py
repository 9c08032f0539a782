"""The vendor's own SDK as an oracle: what it signs, the server accepts."""

import asyncio

import pytest
from alibabacloud_outboundbot20191226 import models
from alibabacloud_outboundbot20191226.client import Client
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.client import Client as OpenApi
from darabonba.exceptions import DaraException
from darabonba.runtime import RuntimeOptions

from exporter.simulator import Simulator, SimulatorOptions
from exporter.simulator.issuing import role_arn

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def options() -> SimulatorOptions:
    # The SDK signs with the time of the machine.
    return SimulatorOptions(automatic=False, tasks=20)


def client_of(simulator: Simulator, secret: str | None = None) -> Client:
    account = simulator.accounts[-1]
    return Client(
        utils_models.Config(
            access_key_id=account.access_key_id,
            access_key_secret=secret or account.access_key_secret,
            security_token=account.security_token or None,
            endpoint=simulator.aliyun_url.removeprefix("http://"),
            protocol="http",
        )
    )


@pytest.mark.parametrize("changes", [{}, {"sts": True}])
async def test_the_sdk_lists_instances_and_groups_and_describes_one(simulator):
    def walk():
        client = client_of(simulator)
        instances = client.list_instances(models.ListInstancesRequest()).body.instances
        listing = models.ListJobGroupsRequest(
            instance_id=instances[0].instance_id,
            page_number=1,
            page_size=100,
            search_text="steady-campaign",
            job_group_status_filter="Executing,Paused",
        )
        groups = client.list_job_groups(listing).body.job_groups
        wanted = models.DescribeJobGroupRequest(
            instance_id=instances[0].instance_id, job_group_id=groups.list[0].job_group_id
        )
        return instances, groups, client.describe_job_group(wanted).body.job_group

    instances, groups, group = await asyncio.to_thread(walk)

    assert [one.instance_id for one in instances] == list(simulator.instances("aliyun-demo"))
    assert groups.total_count == 1
    task = simulator.world.task("steady-campaign", vendor="aliyun")
    listed = groups.list[0].progress
    assert (listed.total_jobs, listed.failed_num) == (
        task.values["customers"],
        task.values["failed"],
    )
    assert (group.progress.total_jobs, group.progress.failed) == (
        task.values["customers"],
        task.values["failed"],
    )
    assert group.strategy.working_time[0].begin_time == "00:00:00"


async def test_the_sdk_reads_the_concurrency(simulator):
    def walk():
        client = client_of(simulator)
        instance = simulator.instances("aliyun-demo")[0]
        report = models.GetRealtimeConcurrencyReportRequest(instance_id=instance)
        now = models.GetCurrentConcurrencyRequest(instance_id=instance)
        return (
            client.get_realtime_concurrency_report(report).body.reports,
            client.get_current_concurrency(now).body,
            client.get_concurrent_conversation_quota().body,
        )

    reports, now, quota = await asyncio.to_thread(walk)

    assert reports.total_count > 0
    assert now.max_concurrent_conversation == 100
    assert quota.max_concurrent == 500


@pytest.mark.parametrize("action", ["list_instances", "list_job_groups", "describe_job_group"])
async def test_the_sdk_with_a_wrong_secret_is_refused(simulator, action):
    instance = simulator.instances("aliyun-demo")[0]
    requests = {
        "list_instances": models.ListInstancesRequest(),
        "list_job_groups": models.ListJobGroupsRequest(
            instance_id=instance, page_number=1, page_size=10
        ),
        "describe_job_group": models.DescribeJobGroupRequest(
            instance_id=instance, job_group_id="x"
        ),
    }

    def attempt():
        getattr(client_of(simulator, "wrong"), action)(requests[action])

    with pytest.raises(DaraException) as caught:
        await asyncio.to_thread(attempt)
    assert caught.value.code == "SignatureDoesNotMatch"


async def test_the_sdk_assumes_a_role(simulator):
    def assumed():
        account = simulator.accounts[-1]
        config = utils_models.Config(
            access_key_id=account.access_key_id,
            access_key_secret=account.access_key_secret,
            endpoint=simulator.credentials_url.removeprefix("http://"),
            protocol="http",
        )
        action = utils_models.Params(
            action="AssumeRole",
            version="2015-04-01",
            protocol="HTTP",
            pathname="/",
            method="POST",
            auth_type="AK",
            style="RPC",
            req_body_type="formData",
            body_type="json",
        )
        asked = {"RoleArn": role_arn(account.name), "RoleSessionName": "sdk"}
        request = utils_models.OpenApiRequest(query=asked)
        return OpenApi(config).call_api(action, request, RuntimeOptions())

    given = (await asyncio.to_thread(assumed))["body"]["Credentials"]

    (issued,) = simulator.issuer.issued()
    assert given == issued.fields()
