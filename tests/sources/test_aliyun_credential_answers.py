"""Services of credentials that answer wrongly or not at all: a clear error, nothing leaked."""

import asyncio
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import PollError, Reason
from exporter.reply import TRANSPORT_CODES, Reply
from exporter.secret import Secret
from exporter.simulator.issuing import role_arn
from exporter.sources.aliyun.credential_options import RoleOptions
from exporter.sources.aliyun.credentials.issued import credentials_of, json_object, read_success
from tests.sources.issuing import error_of, good, issued_keys
from tests.sources.serving import Answer
from tests.sources.strategies import encoded, objects, outcome

# Answers of no use


BAD = [
    (Answer("nonsense s3cr3t"), Reason.PROTOCOL, "not a JSON object"),
    (Answer(""), Reason.PROTOCOL, "not a JSON object"),
    (Answer("["), Reason.PROTOCOL, "not a JSON object"),
    (Answer("[" * 100_000), Reason.PROTOCOL, "larger than 64 KiB|not a JSON object"),
    (Answer("[" * 50_000), Reason.PROTOCOL, "not a JSON object"),
    (Answer(b"\xff\xfe"), Reason.PROTOCOL, "not a JSON object"),
    (Answer(["s3cr3t"]), Reason.PROTOCOL, "not a JSON object"),
    (Answer("<html>s3cr3t</html>"), Reason.PROTOCOL, "not a JSON object"),
    (Answer(b"x" * 100_000), Reason.PROTOCOL, "larger than 64 KiB"),
    (
        Answer(gzip.compress(b" " * 10_000_000), headers={"Content-Encoding": "gzip"}),
        Reason.PROTOCOL,
        "larger than 64 KiB",
    ),
    (Answer("s3cr3t", 500), Reason.UNAVAILABLE, "HTTP 500"),
    (Answer("s3cr3t", 403), Reason.PERMISSION, "HTTP 403"),
    (Answer("s3cr3t", 404), Reason.CONFIG, "HTTP 404"),
    (Answer("s3cr3t", 429), Reason.RATE_LIMITED, "HTTP 429"),
    (Answer("s3cr3t", 302, {"Location": "http://s3cr3t"}), Reason.CONFIG, "HTTP 302"),
]
BAD_KEYS = [
    *(({key: ...}, f"{key}: expected text") for key in issued_keys()),
    *(({key: 7}, f"{key}: expected text") for key in issued_keys()),
    *(({key: None}, f"{key}: expected text") for key in issued_keys()),
    *(({key: ""}, f"{key}: expected text") for key in issued_keys()),
    ({"SecurityToken": "t0\r\nx-evil: 1"}, "SecurityToken: expected text"),
    ({"AccessKeySecret": "秘密 s3cr3t"}, "AccessKeySecret: expected text"),
    ({"Expiration": "tomorrow"}, "Expiration: expected a time"),
    ({"Expiration": "2099-01-31T12:00:00"}, "Expiration: expected a time"),
    ({"Expiration": "2000-01-31T12:00:00Z"}, "have expired; check both clocks"),
]
OF_URI = [
    *BAD,
    (Answer({}), Reason.UNAVAILABLE, "expected Code Success"),
    (Answer(good() | {"Code": "Failed"}), Reason.UNAVAILABLE, "expected Code Success"),
    *((Answer(good(**change)), None, words) for change, words in BAD_KEYS),
]
OF_STS = [
    *BAD,
    (Answer({}), Reason.PROTOCOL, "Credentials: AccessKeyId: expected text"),
    (Answer({"Credentials": []}), Reason.PROTOCOL, "Credentials: AccessKeyId: expected text"),
    *((Answer({"Credentials": issued_keys(**change)}), None, words) for change, words in BAD_KEYS),
]


async def assert_refused(rig, provider, reason, words):
    with pytest.raises(PollError, match=words) as caught:
        await provider.get()
    if reason is not None:
        assert caught.value.reason is reason
    assert "s3cr3t" not in caught.value.message
    assert "t0" not in caught.value.message
    assert provider.expiry is None


@pytest.mark.parametrize(("answer", "reason", "words"), OF_URI)
async def test_bad_answer_of_a_credentials_uri_is_told(rig, answer, reason, words):
    vendor = await rig.served(answer)
    provider = await rig.provider(type="credentials_uri", uri=Secret(vendor.url + "/?s3cr3t"))

    await assert_refused(rig, provider, reason, words)
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(("answer", "reason", "words"), OF_URI)
async def test_bad_answer_of_the_metadata_service_is_told(rig, answer, reason, words):
    vendor = await rig.served(Answer("token"), answer)
    provider = await rig.provider(
        type="ecs_ram_role", role_name="r-1", metadata_endpoint=vendor.url
    )

    await assert_refused(rig, provider, reason, words)
    assert len(vendor.asked) == 2


@pytest.mark.parametrize("name", ["", "two\nnames", "../api/token", "a b", "<html>", "x" * 65])
async def test_metadata_service_that_names_no_role_is_told(rig, name):
    vendor = await rig.served(Answer("token"), Answer(name))
    provider = await rig.provider(type="ecs_ram_role", metadata_endpoint=vendor.url)

    await assert_refused(rig, provider, Reason.PROTOCOL, "expected the name of one role")
    assert len(vendor.asked) == 2


@pytest.mark.parametrize("token", ["", "two\nlines", "<html> </html>"])
async def test_metadata_service_that_gives_no_token_is_told(rig, token):
    vendor = await rig.served(Answer(token))
    provider = await rig.provider(type="ecs_ram_role", metadata_endpoint=vendor.url)

    await assert_refused(rig, provider, Reason.PROTOCOL, "expected a token of one line")


@pytest.mark.parametrize(("answer", "reason", "words"), OF_STS)
async def test_bad_answer_of_sts_is_told(rig, answer, reason, words):
    if "64 KiB" in words:
        # STS is reached as the API is, with its cap.
        words = f"{words}|not a JSON object|larger than 8 MiB"
    vendor = await rig.served(answer)
    keys = {"access_key_id": "id", "access_key_secret": Secret("s3cr3t-key")}
    provider = await rig.provider(
        type="access_key", role=RoleOptions(role_arn("a")), sts_endpoint=vendor.url, **keys
    )

    await assert_refused(rig, provider, reason, words)
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("code", ["s3cr3t code", "1", {"a": 1}, None, "A" * 300, "13800138000"])
async def test_code_of_sts_that_is_none_is_not_shown(rig, code):
    vendor = await rig.served(Answer({"Code": code, "Message": "s3cr3t"}, 400))
    provider = await rig.provider(
        type="access_key",
        access_key_id="id",
        access_key_secret=Secret("s3cr3t-key"),
        role=RoleOptions(role_arn("a")),
        sts_endpoint=vendor.url,
    )

    error = await error_of(provider)
    assert "STS AssumeRole: HTTP 400; check role.arn" in error.message


async def test_service_that_does_not_answer_is_given_up(rig):
    gate = asyncio.Event()

    async def never(_):
        await gate.wait()
        return Answer()

    vendor = await rig.served(by=never)
    provider = await rig.provider(type="credentials_uri", uri=Secret(vendor.url), seconds=0.05)

    error = await error_of(provider)
    gate.set()
    assert error.reason is Reason.UNAVAILABLE
    assert error.message == (
        "no credentials: the service of the credentials URI: does not answer in time"
    )


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"type": "credentials_uri", "uri": Secret("http://127.0.0.1:1/s3cr3t")}, "the service of"),
        (
            {"type": "ecs_ram_role", "metadata_endpoint": "http://127.0.0.1:1"},
            "the ECS metadata service: cannot be reached; is this an ECS instance?",
        ),
    ],
)
async def test_service_that_is_not_there_is_told(rig, keys, words):
    await assert_refused(rig, await rig.provider(**keys), Reason.UNAVAILABLE, words)


def of_uri(reply):
    return read_success(reply, whose="URI")


def of_sts(reply):
    return credentials_of(json_object(reply, whose="STS").get("Credentials"), whose="STS")


KEYS = objects(
    ["Code", *issued_keys()],
    Code=st.just("Success"),
    Expiration=st.sampled_from(
        ["2099-01-31T12:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
    ),
    **{key: st.text(max_size=9) for key in issued_keys() if key != "Expiration"},
)


@pytest.mark.parametrize("read", [of_uri, of_sts])
@given(
    body=st.binary(max_size=60) | encoded(KEYS | objects(["Credentials"], Credentials=KEYS)),
    status=st.sampled_from([200, 302, 400, 429, 502]),
)
def test_nothing_but_a_poll_error_leaves_whatever_a_service_sends(read, body, status):
    result = outcome(lambda: read(Reply(status=status, headers={}, body=body)))

    if isinstance(result, PollError):
        assert result.reason is TRANSPORT_CODES.get(result.code, result.reason)
    else:
        assert result.access_key_id.isascii()
        assert isinstance(result.expires_at, float)
