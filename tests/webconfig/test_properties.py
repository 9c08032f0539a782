"""Whatever stands in a web configuration, it is read or refused with one line."""

from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ConfigError
from exporter.webconfig import names
from exporter.webconfig.loader import parse_web_config
from exporter.webconfig.model import TlsServer, WebConfig

FILE = Path("web.yml")
WORDS = st.sampled_from(
    [
        *("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit", "headers"),
        *("cert", "key", "cert_file", "client_auth_type", "client_allowed_sans", "min_version"),
        *("http2", "interval", "burst", "X-Frame-Options", "NoClientCert", "TLS12", "deny", "1s"),
        *(":", ": ", "\n", "\n  ", "- ", "{", "}", "[", "]", ", ", '"', "'", "~", "1", "yes", "#"),
    ]
)


HASH = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from([*names.VERSIONS, *names.CIPHERS, *names.CURVES, *names.CLIENT_AUTH])
    | st.sampled_from(["1s", "0", "1h1m", "deny", "yes", HASH]),
    lambda items: (
        st.lists(items, max_size=3) | st.dictionaries(st.text(max_size=5), items, max_size=3)
    ),
    max_leaves=4,
)


def section(likely, rest=()):
    """Some of the keys, each with what suits it or with anything."""
    return ANYTHING | st.fixed_dictionaries(
        {},
        optional={key: value | ANYTHING for key, value in likely.items()}
        | dict.fromkeys(rest, ANYTHING),
    )


DOCUMENTS = section(
    {
        "tls_server_config": section(
            {
                "cert_file": st.just("cert.pem"),
                "key_file": st.just("key.pem"),
                "client_ca_file": st.just("ca.pem"),
                "client_auth_type": st.sampled_from([*names.CLIENT_AUTH, *names.UNVERIFIED]),
                "min_version": st.sampled_from([*names.VERSIONS]),
                "max_version": st.sampled_from([*names.VERSIONS]),
                "cipher_suites": st.lists(st.sampled_from([*names.CIPHERS]), max_size=2),
            },
            rest=[field.encode_name for field in msgspec.structs.fields(TlsServer)],
        ),
        "http_server_config": section(
            {
                "http2": st.booleans(),
                "headers": section({"X-Frame-Options": st.just("deny")}),
            }
        ),
        "basic_auth_users": st.dictionaries(
            st.text(max_size=8), st.just(HASH) | ANYTHING, max_size=3
        ),
        "rate_limit": section({"interval": st.just("1s"), "burst": st.integers(1, 9)}),
    }
)


def told(data: bytes) -> WebConfig | None:
    """The web configuration; None where it is refused with one line that names the file."""
    try:
        return parse_web_config(data, file=FILE)
    except ConfigError as error:
        refusal = error
    assert refusal.file == FILE
    assert refusal.message.isprintable()
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    told(data)


@given(st.lists(WORDS, max_size=30).map("".join))
def test_any_words_of_the_format_are_read_or_refused(text):
    told(text.encode())


@given(DOCUMENTS)
def test_any_document_is_read_or_refused(document):
    config = told(yaml.safe_dump(document, allow_unicode=True).encode(errors="surrogatepass"))

    if config is not None and config.tls.configured:
        assert config.tls.has_certificate
        assert config.tls.has_key


@given(st.text(min_size=6, alphabet=st.characters(exclude_categories=["Cs"])), st.booleans())
def test_what_may_be_a_password_is_not_in_what_is_said(text, as_name):
    marked = f"s3cr3t{text}"
    users = {marked: "x"} if as_name else {"user": marked}

    with pytest.raises(ConfigError) as caught:
        parse_web_config(yaml.safe_dump({"basic_auth_users": users}).encode(), file=FILE)

    assert "s3cr3t" not in str(caught.value)
