"""The vendors' own keys: what is accepted, and what is refused with a word for a person."""

import re

import msgspec
import pytest

from exporter.reply import TRANSPORT_CODES
from exporter.secret import Secret
from exporter.sources import SOURCES
from exporter.sources.address import Address, parse_address
from exporter.sources.aliyun.options import AliyunOptions, JobGroupOptions
from exporter.sources.dezhu.options import DezhuOptions, SignatureOptions
from tests.sources.serving import account_of

DEZHU = {
    "base_url": "https://tenant.example.com",
    "app_id": "app-1",
    "private_key_file": "/run/secrets/dezhu.pem",
}
CREDENTIALS = {
    "type": "access_key",
    "access_key_id": "key-id",
    "access_key_secret": "s3cr3t",
}

ARN = "acs:ram::1234567890123456:role/monitoring"
PROVIDER = "acs:ram::1234567890123456:oidc-provider/cluster"


def without(base, name):
    return {key: value for key, value in base.items() if key != name}


def made(kind, values):
    return msgspec.convert(values, kind, dec_hook=lambda wanted, value: wanted(value))


def test_registry_knows_both_vendors():
    assert dict.fromkeys(SOURCES) == {"dezhu": None, "aliyun": None}
    for platform, kind in SOURCES.items():
        assert kind.platform == platform
        assert kind.operations
        assert not set(kind.codes) & set(TRANSPORT_CODES)


def test_dezhu_has_its_defaults():
    options = made(DezhuOptions, DEZHU)

    assert options.signature == SignatureOptions(text="{app_id}{timestamp}", hash="sha256")
    assert (options.page_size, options.page_parameter) == (100, "pageNum")
    assert options.private_key is None


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "http://127.0.0.1:8080/"},
        {"base_url": "https://tenant.example.com/gateway"},
        {"base_url": "https://[::1]:8443"},
        {"page_size": 1},
        {"page_size": 1000},
        {"page_parameter": "pageNumber"},
        {"signature": {"text": "{timestamp}-{app_id}", "hash": "sha1"}},
        {"private_key_passphrase": "s3cr3t"},
        {"private_key_passphrase_file": "/run/secrets/passphrase"},
    ],
)
def test_dezhu_accepts(change):
    made(DezhuOptions, DEZHU | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base_url": "ftp://tenant.example.com"}, "base_url: expected an http or https URL"),
        ({"base_url": "tenant.example.com"}, "base_url: expected an http or https URL"),
        ({"base_url": "https://"}, "base_url: expected an http or https URL"),
        ({"base_url": "https://a.example.com?x=1"}, "base_url: expected a URL without a query"),
        ({"base_url": "https://a.example.com?"}, "base_url: expected a URL without a query"),
        ({"base_url": "https://a.example.com#x"}, "base_url: expected a URL without a query"),
        ({"base_url": "https://u:s3cr3t@a.example.com"}, "base_url: .* without a user name"),
        ({"base_url": "https://a.example.com:99999"}, "base_url: expected a URL such as"),
        ({"base_url": "https://a.example.com:x"}, "base_url: expected a URL such as"),
        ({"base_url": "https://[::1"}, "base_url: expected a URL such as"),
        ({"base_url": "https://a b"}, "base_url: .* without spaces"),
        ({"base_url": "https://得助.example.com"}, "base_url: .* ASCII"),
        ({"app_id": ""}, "app_id: expected"),
        ({"app_id": "a\nb"}, "app_id: expected"),
        ({"app_id": " a"}, "app_id: expected no space"),
        ({"private_key": "s3cr3t"}, "exactly one of private_key and private_key_file"),
        ({"private_key_file": None}, "exactly one of private_key and private_key_file"),
        (
            {"private_key_passphrase": "s3cr3t", "private_key_passphrase_file": "/f"},
            "at most one of private_key_passphrase",
        ),
        ({"page_parameter": "page num"}, "page_parameter: expected"),
        ({"page_parameter": ""}, "page_parameter: expected"),
        ({"page_parameter": "query"}, "page_parameter: the vendor uses this name"),
        ({"signature": {"text": "{app_id}"}}, r"text: expected \{timestamp\}"),
        ({"signature": {"text": "{app_id}{timestamp}{key}"}}, "text: expected no placeholder"),
        ({"signature": {"text": "{timestamp"}}, "text: expected no placeholder"),
        ({"signature": {"hash": "md5"}}, "hash"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": 1001}, "page_size"),
        ({"page_size": True}, "page_size"),
        ({"tenant": "x"}, "tenant"),
    ],
)
def test_dezhu_refuses(change, message):
    with pytest.raises(msgspec.ValidationError, match=message) as caught:
        made(DezhuOptions, DEZHU | change)

    assert "s3cr3t" not in str(caught.value)


def test_aliyun_has_its_defaults():
    options = made(AliyunOptions, {"credentials": CREDENTIALS})

    assert options.endpoint == "https://outboundbot.cn-shanghai.aliyuncs.com"
    assert (options.instances, options.job_groups, options.page_size) == ((), (), 100)
    assert options.credentials.access_key_secret == Secret("s3cr3t")
    assert "s3cr3t" not in repr(options)


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "http://127.0.0.1:8080/"},
        {"instances": ["i-1", "i-2"]},
        {"job_groups": [{"instance_id": "i", "job_group_id": "g"}]},
        {"page_size": 1},
        {"credentials": CREDENTIALS | {"type": "sts", "security_token": "s3cr3t"}},
        {"credentials": CREDENTIALS | {"type": "sts", "security_token_file": "/f"}},
        {
            "credentials": {
                **without(CREDENTIALS, "access_key_secret"),
                "access_key_secret_file": "/f",
            }
        },
    ],
)
def test_aliyun_accepts(change):
    made(AliyunOptions, {"credentials": CREDENTIALS} | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"type": "magic"},
            "type: expected one of access_key, sts, environment, oidc, ecs_ram_role,"
            " credentials_uri, default",
        ),
        ({"type": "environment"}, "access_key_id: is no key of type environment; of access_key, s"),
        ({"uri": "http://s3cr3t"}, "uri: is no key of type access_key; of credentials_uri"),
        ({"role_arn": "s3cr3t"}, "role_arn: is no key of type access_key; of oidc"),
        ({"sts_endpoint": "https://sts"}, "sts_endpoint: is no key of type access_key without ro"),
        ({"metadata_endpoint": "http://m"}, "metadata_endpoint: is no key of type access_key; of"),
        ({"role": {"arn": "a"}}, "arn: expected the ARN of a RAM role"),
        ({"role": {}}, "missing required field `arn`"),
        ({"role": {"arn": ARN, "session_name": "s"}}, "session_name: expected 2 to 64"),
        ({"role": {"arn": ARN, "policy": "s"}}, "policy"),
        ({"role": {"arn": ARN}, "sts_endpoint": "sts"}, "sts_endpoint: expected an http"),
        ({"role": {"arn": ARN}, "sts_endpoint": "https://s/x"}, "sts_endpoint: .* without a path"),
        ({"access_key_id": ""}, "access_key_id: missing; expected"),
        ({"access_key_id": "a b"}, "access_key_id: expected"),
        ({"access_key_secret_file": "/f"}, "exactly one of access_key_secret"),
        ({"access_key_secret": None}, "exactly one of access_key_secret"),
        ({"type": "sts"}, "exactly one of security_token"),
        (
            {"type": "sts", "security_token": "s3cr3t", "security_token_file": "/f"},
            "exactly one of security_token",
        ),
        ({"security_token": "s3cr3t"}, "security_token: is no key of type access_key; of sts"),
        ({"profile": "x"}, "profile"),
    ],
)
def test_credentials_are_refused(change, message):
    with pytest.raises(msgspec.ValidationError, match=message) as caught:
        made(AliyunOptions, {"credentials": CREDENTIALS | change})

    assert "s3cr3t" not in str(caught.value)
    assert "$.credentials" in str(caught.value) or "profile" in str(caught.value)


@pytest.mark.parametrize(
    "credentials",
    [
        {"type": "environment"},
        {"type": "environment", "role": {"arn": ARN}},
        {"type": "oidc"},
        {
            "type": "oidc",
            "role_arn": ARN,
            "role_session_name": "a.session@host-1_2",
            "oidc_provider_arn": PROVIDER,
            "oidc_token_file": "/f",
            "sts_endpoint": "https://sts.cn-shanghai.aliyuncs.com",
        },
        {"type": "ecs_ram_role"},
        {"type": "ecs_ram_role", "role_name": "r-1", "metadata_endpoint": "http://127.0.0.1:80"},
        {"type": "credentials_uri"},
        {"type": "credentials_uri", "uri": "http://127.0.0.1:7002/a/b?c=d"},
        {"type": "default"},
        {"type": "default", "sts_endpoint": "https://s", "metadata_endpoint": "http://m"},
        CREDENTIALS | {"role": {"arn": ARN, "session_name": "s-1"}, "sts_endpoint": "https://s"},
    ],
)
def test_each_type_of_credentials_is_accepted(credentials):
    options = made(AliyunOptions, {"credentials": credentials}).credentials

    assert options.type == credentials["type"]
    assert options.role is None or options.role.arn == ARN


def test_role_has_a_session_name_of_its_own_accord():
    options = made(
        AliyunOptions, {"credentials": {"type": "environment", "role": {"arn": ARN}}}
    ).credentials

    assert options.role.session_name == "outbound-exporter"


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        ({"type": "oidc", "role_arn": "acs:ram::x:role/a"}, "role_arn: expected the ARN"),
        ({"type": "oidc", "role_session_name": "a b"}, "role_session_name: expected 2 to 64"),
        ({"type": "oidc", "oidc_provider_arn": ARN}, "oidc_provider_arn: expected the ARN"),
        ({"type": "oidc", "oidc_token_file": " "}, "oidc_token_file: expected the path"),
        ({"type": "oidc", "metadata_endpoint": "http://m"}, "metadata_endpoint: is no key of"),
        ({"type": "oidc", "role": {"arn": ARN}, "access_key_id": "a"}, "access_key_id: is no key"),
        ({"type": "ecs_ram_role", "role_name": "../x"}, "role_name: expected the name"),
        ({"type": "ecs_ram_role", "metadata_endpoint": "m"}, "metadata_endpoint: expected an http"),
        ({"type": "credentials_uri", "uri": "s3cr3t"}, "uri: expected an http"),
        ({"type": "credentials_uri", "uri": "http://u:s3cr3t@h/"}, "uri: .* without a user name"),
        ({"type": "credentials_uri", "uri": "http://h/?s3cr3t#x"}, "uri: .* without a fragment"),
        ({"type": "credentials_uri", "uri": "http://h/?s3 cr3t"}, "uri: .* ASCII characters"),
        ({"type": "default", "uri": "http://s3cr3t"}, "uri: is no key of type default"),
    ],
)
def test_keys_of_a_type_of_credentials_are_refused(credentials, message):
    with pytest.raises(msgspec.ValidationError, match=message) as caught:
        made(AliyunOptions, {"credentials": credentials})

    assert "s3cr3t" not in str(caught.value)
    assert "$.credentials" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"endpoint": "outboundbot"}, "endpoint: expected"),
        ({"endpoint": "https://a.example.com/x"}, "endpoint: expected a URL without a path"),
        ({"instances": ["i", "i"]}, "instances: expected each entry once"),
        ({"instances": [" "]}, "instances: expected ids"),
        ({"job_groups": [{"instance_id": "i"}]}, "job_group_id"),
        ({"job_groups": [{"instance_id": "", "job_group_id": "g"}]}, "not empty"),
        ({"job_groups": [{"instance_id": "i", "job_group_id": "g"}] * 2}, "each entry once"),
        (
            {"instances": ["i"], "job_groups": [{"instance_id": "i", "job_group_id": "g"}]},
            "at most one of instances and job_groups",
        ),
        ({"page_size": 101}, "page_size"),
        ({"credentials": None}, "credentials"),
    ],
)
def test_aliyun_refuses(change, message):
    with pytest.raises(msgspec.ValidationError, match=message):
        made(AliyunOptions, {"credentials": CREDENTIALS} | change)


@pytest.mark.parametrize("platform", ["dezhu", "aliyun"])
async def test_options_of_another_vendor_are_a_fault_of_ours(platform):
    kind = SOURCES[platform]

    with pytest.raises(TypeError, match=platform):
        await kind.check(account_of(kind, JobGroupOptions("i", "g")))


@pytest.mark.parametrize(
    ("text", "address", "base"),
    [
        (
            "https://A.Example.com:443/",
            Address("https", "a.example.com", ""),
            "https://a.example.com",
        ),
        ("HTTP://a:80/x/", Address("http", "a", "/x"), "http://a/x"),
        ("http://a:443", Address("http", "a:443", ""), "http://a:443"),
        ("https://[::1]:8443", Address("https", "[::1]:8443", ""), "https://[::1]:8443"),
    ],
)
def test_address_is_written_as_the_header_host_has_it(text, address, base):
    assert parse_address(text) == address
    assert address.base == base


@pytest.mark.parametrize("wrong", ["ftp://host", "https://host:x"])
@pytest.mark.parametrize(
    ("kind", "change", "example"),
    [
        (DezhuOptions, lambda url: DEZHU | {"base_url": url}, "https://tenant.example.com"),
        (
            AliyunOptions,
            lambda url: {"credentials": CREDENTIALS, "endpoint": url},
            "https://outboundbot.cn-shanghai.aliyuncs.com",
        ),
        (
            AliyunOptions,
            lambda url: {"credentials": {"type": "default", "sts_endpoint": url}},
            "https://sts.aliyuncs.com",
        ),
        (
            AliyunOptions,
            lambda url: {"credentials": {"type": "default", "metadata_endpoint": url}},
            "http://100.100.100.200",
        ),
        (
            AliyunOptions,
            lambda url: {"credentials": {"type": "credentials_uri", "uri": url}},
            "http://127.0.0.1:7002/credentials",
        ),
    ],
)
def test_a_wrong_address_is_told_with_an_example_of_its_own_key(kind, change, example, wrong):
    with pytest.raises(msgspec.ValidationError, match=f"URL such as {re.escape(example)}"):
        made(kind, change(wrong))
