"""Signature V3 against the example that the vendor works out in its documentation."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from exporter.secret import Secret
from exporter.sources.aliyun.credentials.model import Credentials
from exporter.sources.aliyun.signature import (
    EMPTY_BODY_SHA256,
    authorization,
    canonical_query,
    canonical_request,
    common_headers,
)

EXAMPLE = Credentials(
    access_key_id="YourAccessKeyId", access_key_secret=Secret("YourAccessKeySecret")
)
QUERY = canonical_query(
    {
        "RegionId": "cn-shanghai",
        "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
    }
)


def example_headers(credentials=EXAMPLE):
    return common_headers(
        "RunInstances",
        "2014-05-26",
        host="ecs.cn-shanghai.aliyuncs.com",
        now=1698315752.9,
        nonce="3156853299f313e23d1673dc12e1703d",
        credentials=credentials,
    )


def test_worked_example_is_reproduced():
    headers = example_headers()
    request = canonical_request("POST", QUERY, headers)

    assert headers["x-acs-date"] == "2023-10-26T10:22:32Z"
    assert headers["x-acs-content-sha256"] == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert hashlib.sha256(request.encode()).hexdigest() == (
        "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
    )
    assert authorization("POST", QUERY, headers, EXAMPLE) == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        "x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_security_token_is_signed():
    temporary = Credentials("id", Secret("secret"), Secret("s3cr3t-token"))
    headers = example_headers(temporary)

    assert headers["x-acs-security-token"] == "s3cr3t-token"
    signed = authorization("GET", QUERY, headers, temporary)
    assert ";x-acs-security-token;x-acs-signature-nonce;" in signed


def test_query_is_sorted_and_encoded_by_rfc_3986():
    query = canonical_query({"b": "a b*~/+", "a": "催收", "C": "1,2"})

    assert query == "C=1%2C2&a=%E5%82%AC%E6%94%B6&b=a%20b%2A~%2F%2B"


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=4))
def test_query_holds_nothing_but_what_needs_no_encoding(parameters):
    query = canonical_query(parameters)

    assert set(query) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%=&"
    )


def test_hash_of_no_body_is_that_of_no_bytes():
    assert hashlib.sha256(b"").hexdigest() == EMPTY_BODY_SHA256


def test_credentials_hide_their_secrets():
    shown = repr(Credentials("id", Secret("s3cr3t"), Secret("s3cr3t")))

    assert "s3cr3t" not in shown
    assert "id" in shown
