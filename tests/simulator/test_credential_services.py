"""The services that hand out temporary credentials: what they demand, and when theirs are over."""

import dataclasses
import datetime

import pytest
import yaml

from exporter.simulator import Fault
from exporter.simulator.issuing import provider_arn, role_arn
from tests.simulator.client import Aliyun, Reply

NAME = "aliyun-demo"
ROLES = "/latest/meta-data/ram/security-credentials/"
TTL = {"X-aliyun-ecs-metadata-token-ttl-seconds": "60"}
STS = {"x-acs-version": "2015-04-01"}
ASSUMED = {"RoleArn": role_arn(NAME), "RoleSessionName": "a-session"}


@pytest.fixture
def ask(simulator, session):
    async def call(path, method="GET", headers=None, data=None):
        url = simulator.credentials_url + path
        async with session.request(method, url, headers=headers, data=data) as response:
            return Reply(response.status, response.headers, await response.read())

    return call


@pytest.fixture
def sts(simulator, session, clock, aliyun):
    return Aliyun(session, simulator.credentials_url, aliyun.account, clock)


@pytest.fixture
def oidc(simulator, ask, clock):
    async def call(method="POST", drop=(), query=None, **change):
        date = datetime.datetime.fromtimestamp(clock(), datetime.UTC)
        asked = {
            "Action": "AssumeRoleWithOIDC",
            "Format": "JSON",
            "Version": "2015-04-01",
            "Timestamp": f"{date:%Y-%m-%dT%H:%M:%SZ}",
            **(query or {}),
        }
        form = {
            **ASSUMED,
            "OIDCProviderArn": provider_arn(),
            "OIDCToken": simulator.issuer.oidc_tokens[NAME],
            **change,
        }
        form = {name: text for name, text in form.items() if name not in drop}
        return await ask("/?" + Aliyun.query(asked), method, data=form)

    return call


def holder(aliyun, given):
    """A client with what a service gave."""
    account = dataclasses.replace(
        aliyun.account,
        access_key_id=given["AccessKeyId"],
        access_key_secret=given["AccessKeySecret"],
        security_token=given["SecurityToken"],
    )
    return dataclasses.replace(aliyun, account=account)


async def test_what_the_uri_gives_works_until_it_is_over(simulator, ask, aliyun, clock, instance):
    given = (await ask(f"/credentials/{NAME}")).json
    mine = holder(aliyun, given)

    assert given["Code"] == "Success"
    assert given["Expiration"] == "2026-03-18T03:30:00Z"
    assert (await mine.groups(instance)).code == "OK"
    clock.now += 3599
    assert (await mine.groups(instance)).code == "OK"
    clock.now += 1
    assert (await mine.groups(instance)).code == "InvalidSecurityToken.Expired"
    assert (await aliyun.groups(instance)).code == "OK"


async def test_token_of_other_credentials_is_refused(ask, aliyun, instance):
    first, second = [(await ask(f"/credentials/{NAME}")).json for _ in range(2)]
    mixed = holder(aliyun, first | {"SecurityToken": second["SecurityToken"]})

    assert first["AccessKeyId"] != second["AccessKeyId"]
    code = (await mixed.groups(instance)).code
    assert code == "InvalidSecurityToken.MismatchWithAccessKey"
    bare = holder(aliyun, first)
    reply = await bare.call("ListInstances", leave_out=("x-acs-security-token",))
    assert reply.code == "MissingSecurityToken"


async def test_uri_of_no_account_is_not_found(ask):
    assert (await ask("/credentials/nobody")).status == 404


async def test_metadata_service_answers_version_2_alone(ask, clock):
    assert (await ask(ROLES)).status == 403
    assert (await ask(ROLES + NAME)).status == 403
    assert (await ask("/latest/api/token", "PUT")).status == 400
    token = (await ask("/latest/api/token", "PUT", TTL)).body.decode()
    shown = {"X-aliyun-ecs-metadata-token": token}

    assert (await ask(ROLES, headers=shown)).body.decode() == NAME
    assert (await ask(ROLES + NAME, headers=shown)).json["Code"] == "Success"
    assert (await ask(ROLES + "nobody", headers=shown)).status == 404
    clock.now += 60
    assert (await ask(ROLES + NAME, headers=shown)).status == 403


@pytest.mark.parametrize("seconds", ["", "0", "21601", "x", "-1"])
async def test_metadata_token_needs_a_life_of_at_most_six_hours(ask, seconds):
    reply = await ask(
        "/latest/api/token", "PUT", {"X-aliyun-ecs-metadata-token-ttl-seconds": seconds}
    )

    assert reply.status == 400


async def test_role_is_assumed_by_who_signs(sts, aliyun, instance):
    reply = await sts.call("AssumeRole", ASSUMED, change=STS)
    given = reply.json["Credentials"]

    assert (await holder(aliyun, given).groups(instance)).code == "OK"
    again = await holder(sts, given).call("AssumeRole", ASSUMED, change=STS)
    assert "Credentials" in again.json


@pytest.mark.parametrize(
    ("given", "more", "code"),
    [
        (ASSUMED, {"secret": "other"}, "SignatureDoesNotMatch"),
        (ASSUMED, {"skew": 1000}, "InvalidTimeStamp.Expired"),
        (ASSUMED, {"change": {}}, "NoSuchVersion"),
        (ASSUMED | {"RoleArn": role_arn("nobody")}, {}, "EntityNotExist.Role"),
        (ASSUMED | {"RoleSessionName": "a b"}, {}, "InvalidParameter.RoleSessionName"),
        ({"RoleArn": role_arn(NAME)}, {}, "InvalidParameter.RoleSessionName"),
    ],
)
async def test_role_is_not_assumed_by_a_request_that_is_not_right(sts, given, more, code):
    assert (await sts.call("AssumeRole", given, **{"change": STS} | more)).code == code


async def test_role_needs_a_permission(simulator, sts):
    simulator.access.denied.add((NAME, "AssumeRole"))

    assert (await sts.call("AssumeRole", ASSUMED, change=STS)).code == "NoPermission"


@pytest.mark.parametrize("changes", [{"aliyun_accounts": 2}])
async def test_role_of_another_account_is_not_assumed(sts):
    given = ASSUMED | {"RoleArn": role_arn(f"{NAME}-2")}

    assert (await sts.call("AssumeRole", given, change=STS)).code == "NoPermission"


async def test_nonce_is_good_for_one_call_of_sts(sts):
    query = sts.query(ASSUMED)
    headers = sts.headers("AssumeRole", query, change=STS)

    assert (await sts.send(query, headers)).status == 200
    assert (await sts.send(query, headers)).code == "SignatureNonceUsed"


async def test_oidc_token_is_exchanged_without_a_signature(oidc, aliyun, instance):
    given = (await oidc()).json["Credentials"]

    assert (await holder(aliyun, given).groups(instance)).code == "OK"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"OIDCToken": "other"}, "AuthenticationFail.OIDCToken.Expired"),
        ({"drop": ("OIDCToken",)}, "AuthenticationFail.OIDCToken.Expired"),
        ({"OIDCProviderArn": "other"}, "EntityNotExist.OIDCProvider"),
        ({"RoleArn": "other"}, "EntityNotExist.Role"),
        ({"drop": ("RoleSessionName",)}, "InvalidParameter.RoleSessionName"),
        ({"query": {"Version": "2019-12-26"}}, "NoSuchVersion"),
        ({"query": {"Timestamp": "2020-01-01T00:00:00Z"}}, "InvalidTimeStamp.Expired"),
        ({"query": {"Timestamp": ""}}, "InvalidTimeStamp.Format"),
        ({"query": {"OIDCToken": "in the address"}}, "UnsupportedHTTPMethod"),
        ({"query": {"Action": "GetCallerIdentity"}}, "InvalidAction.NotFound"),
    ],
)
async def test_oidc_token_is_not_exchanged_for_a_request_that_is_not_right(oidc, change, code):
    assert (await oidc(**change)).code == code


async def test_faults_hit_the_services_by_the_names_of_their_operations(simulator, ask):
    simulator.faults.set(
        Fault(kind="status", operation="CredentialsURI", account=NAME, http_status=503)
    )

    assert (await ask(f"/credentials/{NAME}")).status == 503
    assert (await ask("/latest/api/token", "PUT", TTL)).status == 200
    assert [(row.operation, row.outcome) for row in simulator.requests] == [
        ("CredentialsURI", "status"),
        ("MetadataToken", "OK"),
    ]


async def test_control_port_sets_the_life_and_stops_and_resumes_the_renewal(
    simulator, session, ask, clock
):
    async def control(**change):
        async with session.post(simulator.control_url + "/credentials", json=change) as response:
            return response.status

    async def given():
        return (await ask(f"/credentials/{NAME}")).json

    assert await control(lifetime=60) == 200
    first = await given()
    assert first["Expiration"] == "2026-03-18T02:31:00Z"
    assert await control(renewing=False) == 200
    clock.now += 120
    assert await given() == first
    assert await control(renewing=True) == 200
    assert (await given())["Expiration"] == "2026-03-18T02:33:00Z"
    assert await control(lifetime=0) == 400
    assert await control(life=60) == 400


@pytest.mark.parametrize(
    ("changes", "kind", "keys"),
    [
        ({"credentials": "credentials_uri"}, "credentials_uri", {"uri"}),
        (
            {"credentials": "ecs_ram_role"},
            "ecs_ram_role",
            {"role_name", "metadata_endpoint"},
        ),
        (
            {"credentials": "role"},
            "access_key",
            {"access_key_id", "access_key_secret", "role", "sts_endpoint"},
        ),
    ],
)
async def test_written_configuration_says_where_the_credentials_come_from(simulator, kind, keys):
    document = yaml.safe_load(simulator.config_text())
    credentials = document["accounts"][-1]["credentials"]

    assert credentials["type"] == kind
    assert credentials.keys() == {"type", *keys}
