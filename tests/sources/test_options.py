"""The vendors' own keys: what is accepted, and what is refused with a word for a person."""

import msgspec
import pytest

from exporter.secret import Secret
from exporter.sources import SOURCES
from exporter.sources.address import Address, parse_address
from exporter.sources.aliyun.options import AliyunOptions, JobGroupOptions
from exporter.sources.dezhu.options import DezhuOptions, SignatureOptions
from exporter.transport import TRANSPORT_CODES
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
        ({"type": "environment"}, "type: environment is not in this version"),
        ({"type": "oidc"}, "type: oidc is not in this version"),
        ({"type": "ecs_ram_role"}, "type: ecs_ram_role is not in this version"),
        ({"type": "credentials_uri"}, "type: credentials_uri is not in this version"),
        ({"type": "default"}, "type: default is not in this version"),
        ({"type": "magic"}, "type: expected access_key or sts"),
        ({"role": {"arn": "a", "session_name": "s"}}, "role: not in this version"),
        ({"sts_endpoint": "https://sts"}, "sts_endpoint: not in this version"),
        ({"metadata_endpoint": "http://m"}, "metadata_endpoint: not in this version"),
        ({"access_key_id": ""}, "access_key_id: expected"),
        ({"access_key_id": "a b"}, "access_key_id: expected"),
        ({"access_key_secret_file": "/f"}, "exactly one of access_key_secret"),
        ({"access_key_secret": None}, "exactly one of access_key_secret"),
        ({"type": "sts"}, "exactly one of security_token"),
        (
            {"type": "sts", "security_token": "s3cr3t", "security_token_file": "/f"},
            "exactly one of security_token",
        ),
        ({"security_token": "s3cr3t"}, "no security_token without type: sts"),
        ({"profile": "x"}, "profile"),
    ],
)
def test_credentials_are_refused(change, message):
    with pytest.raises(msgspec.ValidationError, match=message) as caught:
        made(AliyunOptions, {"credentials": CREDENTIALS | change})

    assert "s3cr3t" not in str(caught.value)
    assert "$.credentials" in str(caught.value) or "profile" in str(caught.value)


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
