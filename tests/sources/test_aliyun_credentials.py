"""Each kind of credentials against an imitation of its service that verifies what it receives."""

import asyncio

import pytest

from exporter.clock import SystemClock
from exporter.errors import ConfigError, Reason
from exporter.secret import Secret
from exporter.simulator import Fault
from exporter.simulator.issuing import provider_arn, role_arn
from exporter.sources.aliyun.credential_options import CredentialOptions, RoleOptions
from exporter.sources.aliyun.credentials.sts import sts_endpoint
from exporter.sources.aliyun.options import AliyunOptions
from exporter.sources.aliyun.source import ALIYUN
from tests.sources.issuing import BOTS, HOUR, PATH, error_of, good, issued_keys
from tests.sources.serving import Answer, account_of


@pytest.fixture
def token_file(tmp_path):
    return tmp_path / "oidc-token"


def is_issued(credentials, issued):
    return (
        credentials.access_key_id == issued.access_key_id
        and credentials.access_key_secret == Secret(issued.access_key_secret)
        and credentials.security_token == Secret(issued.security_token)
        and credentials.expires_at == issued.expires_at
    )


def oidc_keys(url, token_file):
    return {
        "type": "oidc",
        "role_arn": role_arn(BOTS),
        "oidc_provider_arn": provider_arn(),
        "oidc_token_file": str(token_file),
        "sts_endpoint": url,
    }


async def written(rig, token_file):
    token = rig.simulator.issuer.oidc_tokens[BOTS]
    await asyncio.to_thread(token_file.write_text, f"{token}\n")


# What each service gives


async def test_uri_gives_what_the_service_issued_and_renews_it(rig):
    url = await rig.simulated()
    provider = await rig.provider(
        type="credentials_uri", uri=Secret(f"{url}/credentials/{BOTS}?x=1")
    )

    assert is_issued(await provider.get(), rig.issued()[0])
    await rig.clock.advance(HOUR)
    assert is_issued(await provider.get(), rig.issued()[1])
    assert provider.expiry == rig.issued()[1].expires_at
    assert rig.operations() == ["CredentialsURI"] * 2


@pytest.mark.parametrize("environ", [{}, {"ALIBABA_CLOUD_ECS_METADATA": BOTS}])
async def test_metadata_service_is_asked_by_version_2_for_a_name_that_is_not_known(rig, environ):
    url = await rig.simulated()
    provider = await rig.provider(environ=environ, type="ecs_ram_role", metadata_endpoint=url)

    assert is_issued(await provider.get(), rig.issued()[0])
    name = [] if environ else ["MetadataRole"]
    assert rig.operations() == ["MetadataToken", *name, "MetadataCredentials"]


async def test_configured_role_name_is_not_asked_for(rig):
    url = await rig.simulated()
    provider = await rig.provider(type="ecs_ram_role", metadata_endpoint=url, role_name=BOTS)

    assert is_issued(await provider.get(), rig.issued()[0])
    assert rig.operations() == ["MetadataToken", "MetadataCredentials"]


@pytest.mark.parametrize("status", [403, 404, 405, 500])
async def test_metadata_service_that_refuses_version_2_is_not_asked_by_version_1(rig, status):
    url = await rig.simulated()
    rig.simulator.faults.set(Fault(kind="status", operation="MetadataToken", http_status=status))
    provider = await rig.provider(type="ecs_ram_role", metadata_endpoint=url)

    error = await error_of(provider)
    assert f"HTTP {status}; IMDSv2 is needed, IMDSv1 is not used" in error.message
    assert rig.operations() == ["MetadataToken"]


async def test_metadata_request_has_the_headers_of_version_2_and_nothing_else_of_ours(rig):
    vendor = await rig.served(Answer("t0ken"), Answer("role-1"), Answer(good()))
    provider = await rig.provider(type="ecs_ram_role", metadata_endpoint=vendor.url)

    await provider.get()
    put, name, role = vendor.asked
    assert put.path == "/latest/api/token"
    assert put.headers["x-aliyun-ecs-metadata-token-ttl-seconds"] == "21600"
    assert name.path == "/latest/meta-data/ram/security-credentials/"
    assert role.path == "/latest/meta-data/ram/security-credentials/role-1"
    for asked in (name, role):
        assert asked.headers["x-aliyun-ecs-metadata-token"] == "t0ken"
    assert not any("authorization" in asked.headers for asked in vendor.asked)


async def test_oidc_token_of_the_file_is_exchanged_and_read_again_when_it_changes(rig, token_file):
    url = await rig.simulated()
    await written(rig, token_file)
    provider = await rig.provider(**oidc_keys(url, token_file))

    assert is_issued(await provider.get(), rig.issued()[0])
    rig.simulator.issuer.oidc_tokens[BOTS] = "another-token-of-the-cluster"
    await written(rig, token_file)
    await rig.clock.advance(HOUR)
    assert is_issued(await provider.get(), rig.issued()[1])
    assert rig.operations() == ["AssumeRoleWithOIDC"] * 2


async def test_oidc_takes_everything_from_the_environment(rig, token_file):
    url = await rig.simulated()
    await written(rig, token_file)
    environ = {
        "ALIBABA_CLOUD_ROLE_ARN": role_arn(BOTS),
        "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": provider_arn(),
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(token_file),
        "ALIBABA_CLOUD_ROLE_SESSION_NAME": "my-session",
    }
    provider = await rig.provider(environ=environ, type="oidc", sts_endpoint=url)

    await provider.check()
    assert is_issued(await provider.get(), rig.issued()[0])


async def test_expired_oidc_token_is_told_by_its_code(rig, token_file):
    url = await rig.simulated()
    await asyncio.to_thread(token_file.write_text, "t0ken-of-yesterday")
    error = await error_of(await rig.provider(**oidc_keys(url, token_file)))

    assert error.reason is Reason.AUTH
    assert error.code == "AuthenticationFail"
    assert "AuthenticationFail.OIDCToken.Expired (HTTP 400); check the OIDC token" in error.message
    assert "t0ken" not in error.message


async def test_oidc_request_is_not_signed_and_keeps_the_token_out_of_its_address(rig, token_file):
    vendor = await rig.served(Answer({"Credentials": issued_keys()}))
    await asyncio.to_thread(token_file.write_text, "t0ken")
    await (await rig.provider(**oidc_keys(vendor.url, token_file))).get()

    (asked,) = vendor.asked
    assert asked.query == {
        "Action": "AssumeRoleWithOIDC",
        "Format": "JSON",
        "Version": "2015-04-01",
        "Timestamp": "2025-10-09T08:53:20Z",
    }
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in asked.headers


async def test_role_is_assumed_with_a_permanent_key(rig):
    url = await rig.simulated()
    provider = await rig.provider(**rig.permanent(role_arn(BOTS), sts_endpoint=url))

    assert is_issued(await provider.get(), rig.issued()[0])
    await rig.clock.advance(HOUR)
    assert is_issued(await provider.get(), rig.issued()[1])
    assert rig.operations() == ["AssumeRole"] * 2
    nonces = [record.nonce for record in rig.simulator.requests]
    assert len(set(nonces)) == 2


async def test_role_is_assumed_with_the_role_of_the_instance(rig):
    url = await rig.simulated()
    provider = await rig.provider(
        type="ecs_ram_role",
        metadata_endpoint=url,
        role_name=BOTS,
        role=RoleOptions(role_arn(BOTS)),
        sts_endpoint=url,
    )

    base, assumed = (await provider.get()), rig.issued()[1]
    assert is_issued(base, assumed)
    assert provider.expiry == assumed.expires_at
    assert rig.operations() == ["MetadataToken", "MetadataCredentials", "AssumeRole"]


async def test_token_that_sts_refuses_is_renewed_before_the_role_is_assumed_again(rig):
    url = await rig.simulated()
    provider = await rig.provider(
        type="credentials_uri",
        uri=Secret(f"{url}/credentials/{BOTS}"),
        role=RoleOptions(role_arn(BOTS)),
        sts_endpoint=url,
    )
    await provider.get()
    await rig.clock.advance(HOUR / 2)
    expired = {"kind": "code", "code": "InvalidSecurityToken.Expired", "times": 1}
    rig.simulator.faults.set(Fault(operation="AssumeRole", **expired))
    await provider.renewed(await provider.get())

    assert rig.operations() == [
        *("CredentialsURI", "AssumeRole", "AssumeRole", "CredentialsURI", "AssumeRole"),
    ]


@pytest.mark.parametrize(
    ("arn", "deny", "reason", "words"),
    [
        (role_arn(BOTS), True, Reason.PERMISSION, "NoPermission (HTTP 403); allow sts:AssumeRole"),
        (role_arn("x"), False, Reason.CONFIG, "EntityNotExist.Role (HTTP 404); check role.arn"),
    ],
)
async def test_role_that_may_not_be_assumed_is_told_by_its_code(rig, arn, deny, reason, words):
    url = await rig.simulated()
    if deny:
        rig.simulator.access.denied.add((BOTS, "AssumeRole"))
    error = await error_of(await rig.provider(**rig.permanent(arn, sts_endpoint=url)))

    assert error.reason is reason
    assert f"STS AssumeRole: {words}" in error.message


async def test_wrong_secret_is_refused_by_sts(rig):
    url = await rig.simulated()
    keys = rig.permanent(role_arn(BOTS), sts_endpoint=url)
    error = await error_of(await rig.provider(**keys | {"access_key_secret": Secret("other")}))

    assert error.reason is Reason.AUTH
    assert "SignatureDoesNotMatch" in error.message


# The environment


KEY = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s3cr3t"}


@pytest.mark.parametrize("kind", ["environment", "default"])
@pytest.mark.parametrize("token", [None, "t0ken"])
async def test_environment_gives_its_key(rig, kind, token):
    environ = KEY | ({"ALIBABA_CLOUD_SECURITY_TOKEN": token} if token else {})
    provider = await rig.provider(environ=environ, type=kind)
    await provider.check()
    found = await provider.get()

    assert found.access_key_id == "id"
    assert found.access_key_secret == Secret("s3cr3t")
    assert found.security_token == (Secret(token) if token else None)
    assert provider.expiry is None
    assert await provider.renewed(found) == found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ALIBABA_CLOUD_ACCESS_KEY_ID": ""}, "ALIBABA_CLOUD_ACCESS_KEY_ID is not set"),
        ({"ALIBABA_CLOUD_ACCESS_KEY_SECRET": " "}, "ALIBABA_CLOUD_ACCESS_KEY_SECRET is not set"),
        ({"ALIBABA_CLOUD_ACCESS_KEY_ID": "a\nb"}, "expected one line .*ACCESS_KEY_ID"),
        ({"ALIBABA_CLOUD_SECURITY_TOKEN": "t0\nken"}, "expected one line .*SECURITY_TOKEN"),
    ],
)
async def test_environment_that_lacks_something_is_told_by_its_variable(rig, change, words):
    provider = await rig.provider(environ=KEY | change, type="environment")
    with pytest.raises(ConfigError, match=words) as caught:
        await provider.check()

    assert caught.value.path == PATH
    assert "t0" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "environ", "key", "words"),
    [
        ({"type": "oidc"}, {}, "role_arn", "missing, and .* ALIBABA_CLOUD_ROLE_ARN is not set"),
        (
            {"type": "oidc"},
            {"ALIBABA_CLOUD_ROLE_ARN": "role"},
            "role_arn",
            "expected the ARN .* in the environment variable ALIBABA_CLOUD_ROLE_ARN",
        ),
        (
            {"type": "oidc", "role_arn": role_arn("a")},
            {},
            "oidc_provider_arn",
            "ALIBABA_CLOUD_OIDC_PROVIDER_ARN is not set",
        ),
        (
            {"type": "oidc", "role_arn": role_arn("a"), "oidc_provider_arn": provider_arn()},
            {},
            "oidc_token_file",
            "ALIBABA_CLOUD_OIDC_TOKEN_FILE is not set",
        ),
        (
            {"type": "oidc", "role_arn": role_arn("a"), "oidc_provider_arn": provider_arn()},
            {"ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/absent/token"},
            "oidc_token_file",
            "cannot read the secret file /absent/token",
        ),
        ({"type": "credentials_uri"}, {}, "uri", "ALIBABA_CLOUD_CREDENTIALS_URI is not set"),
        (
            {"type": "credentials_uri"},
            {"ALIBABA_CLOUD_CREDENTIALS_URI": "s3cr3t"},
            "uri",
            "expected an http or https URL .* in the environment variable",
        ),
        (
            {"type": "ecs_ram_role"},
            {"ALIBABA_CLOUD_ECS_METADATA": "a/b"},
            "role_name",
            "expected the name of a RAM role",
        ),
    ],
)
async def test_check_tells_what_is_missing_without_a_call(keys, environ, key, words, monkeypatch):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    options = AliyunOptions(credentials=CredentialOptions(**keys))
    with pytest.raises(ConfigError, match=words) as caught:
        await ALIYUN.check(account_of(ALIYUN, options))

    assert caught.value.path == f"{PATH}.{key}"
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("configured", "environ", "address"),
    [
        ("", {}, "https://sts.aliyuncs.com"),
        ("", {"ALIBABA_CLOUD_STS_REGION": "cn-x"}, "https://sts.cn-x.aliyuncs.com"),
        (
            "",
            {"ALIBABA_CLOUD_STS_REGION": "cn-x", "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED": "True"},
            "https://sts-vpc.cn-x.aliyuncs.com",
        ),
        ("", {"ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED": "true"}, "https://sts.aliyuncs.com"),
        ("https://s", {"ALIBABA_CLOUD_STS_REGION": "cn-x"}, "https://s"),
    ],
)
def test_sts_is_where_the_configuration_or_else_the_environment_says(configured, environ, address):
    assert sts_endpoint(configured, environ, path=PATH) == address


def test_region_that_is_no_region_is_refused():
    with pytest.raises(ConfigError, match="expected a region"):
        sts_endpoint("", {"ALIBABA_CLOUD_STS_REGION": "evil.example.com/"}, path=PATH)


# The default


def rrsa(token_file):
    return {
        "ALIBABA_CLOUD_ROLE_ARN": role_arn(BOTS),
        "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": provider_arn(),
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(token_file),
    }


@pytest.mark.parametrize(
    ("places", "operations"),
    [
        (["key", "oidc", "metadata", "uri"], []),
        (["oidc", "metadata", "uri"], ["AssumeRoleWithOIDC"]),
        (["metadata", "uri"], ["MetadataToken", "MetadataRole", "MetadataCredentials"]),
        (["uri"], ["MetadataToken", "CredentialsURI"]),
    ],
)
async def test_default_takes_the_first_that_there_is(rig, token_file, places, operations):
    url = await rig.simulated()
    await written(rig, token_file)
    environ = {
        **(KEY if "key" in places else {}),
        **(rrsa(token_file) if "oidc" in places else {}),
        "ALIBABA_CLOUD_CREDENTIALS_URI": f"{url}/credentials/{BOTS}",
    }
    if "metadata" not in places:
        rig.simulator.faults.set(Fault(kind="status", operation="MetadataToken", http_status=404))
    provider = await rig.provider(
        environ=environ, type="default", metadata_endpoint=url, sts_endpoint=url
    )
    await provider.check()

    await provider.get()
    assert rig.operations() == operations


@pytest.mark.parametrize("lacking", sorted(rrsa("f")))
async def test_default_needs_all_three_variables_of_oidc(rig, token_file, lacking):
    url = await rig.simulated()
    environ = {name: text for name, text in rrsa(token_file).items() if name != lacking}
    provider = await rig.provider(
        environ=environ, type="default", metadata_endpoint=url, sts_endpoint=url
    )

    await provider.get()
    assert "AssumeRoleWithOIDC" not in rig.operations()
    assert "MetadataCredentials" in rig.operations()


async def test_default_does_not_ask_a_metadata_service_that_is_switched_off(rig):
    url = await rig.simulated()
    environ = {
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "True",
        "ALIBABA_CLOUD_CREDENTIALS_URI": f"{url}/credentials/{BOTS}",
    }
    provider = await rig.provider(environ=environ, type="default", metadata_endpoint=url)

    await provider.get()
    assert rig.operations() == ["CredentialsURI"]


async def test_default_keeps_to_the_place_that_gave_first(rig):
    url = await rig.simulated()
    fault = rig.simulator.faults.set(Fault(kind="status", operation="MetadataToken"))
    environ = {"ALIBABA_CLOUD_CREDENTIALS_URI": f"{url}/credentials/{BOTS}"}
    provider = await rig.provider(environ=environ, type="default", metadata_endpoint=url)
    await provider.get()
    rig.simulator.faults.clear(fault)
    await rig.clock.advance(HOUR)
    await provider.get()

    assert rig.operations() == ["MetadataToken", "CredentialsURI", "CredentialsURI"]


async def test_default_that_finds_nothing_tells_of_each_place_why(rig):
    url = await rig.simulated()
    rig.simulator.faults.set(Fault(kind="reset", operation="MetadataToken"))
    provider = await rig.provider(type="default", metadata_endpoint=url)
    await provider.check()

    error = await error_of(provider)
    assert error.reason is Reason.UNAVAILABLE
    assert error.message == (
        "no credentials: default found nothing:"
        " environment (ALIBABA_CLOUD_ACCESS_KEY_ID is not set),"
        " oidc (ALIBABA_CLOUD_ROLE_ARN is not set),"
        " ecs_ram_role (the ECS metadata service: cannot be reached; is this an ECS instance?),"
        " credentials_uri (ALIBABA_CLOUD_CREDENTIALS_URI is not set)"
    )


async def test_default_that_can_find_nothing_is_a_configuration_error(rig):
    environ = {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}
    provider = await rig.provider(environ=environ, type="default")
    with pytest.raises(ConfigError, match=r"default found nothing: .*_DISABLED is true"):
        await provider.check()


# What is counted


async def test_calls_to_sts_count_in_the_budget_and_in_the_counters_and_others_do_not(rig):
    url = await rig.simulated()
    provider = await rig.provider(
        type="credentials_uri",
        uri=Secret(f"{url}/credentials/{BOTS}"),
        role=RoleOptions(role_arn(BOTS)),
        sts_endpoint=url,
    )
    await provider.get()

    text = (await asyncio.to_thread(rig.telemetry.text)).decode()
    lines = [
        line for line in text.splitlines() if line.startswith("outbound_exporter_api_requests")
    ]
    counted = {line.split('operation="')[1].split('"')[0]: line.split()[-1] for line in lines}
    assert counted["AssumeRole"] == "1.0"
    assert sum(float(value) for value in counted.values()) == 1
    assert not any("URI" in operation for operation in counted)
    assert rig.transport._limiter.remaining()["second"] == 1000 - 1


async def test_vendors_own_library_understands_what_the_imitation_gives(rig):
    rig.clock = SystemClock()
    url = await rig.simulated()

    def asked():
        # Here, for it takes long to load and puts handlers on loggers.
        from alibabacloud_credentials.provider.uri import URLCredentialsProvider  # noqa: PLC0415

        return URLCredentialsProvider(uri=f"{url}/credentials/{BOTS}").get_credentials()

    theirs = await asyncio.to_thread(asked)
    (issued,) = rig.issued()
    assert theirs.get_access_key_id() == issued.access_key_id
    assert theirs.get_access_key_secret() == issued.access_key_secret
    assert theirs.get_security_token() == issued.security_token
