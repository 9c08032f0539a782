"""Whatever stands in a web configuration, it is read or refused with one line."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ConfigError
from exporter.webconfig.loader import parse_web_config

FILE = Path("web.yml")
WORDS = st.sampled_from(
    [
        *("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit", "headers"),
        *("cert", "key", "cert_file", "client_auth_type", "client_allowed_sans", "min_version"),
        *("http2", "interval", "burst", "X-Frame-Options", "NoClientCert", "TLS12", "deny", "1s"),
        *(":", ": ", "\n", "\n  ", "- ", "{", "}", "[", "]", ", ", '"', "'", "~", "1", "yes", "#"),
    ]
)


def told(data: bytes) -> None:
    refusal = None
    try:
        parse_web_config(data, file=FILE)
    except ConfigError as error:
        refusal = error
    assert refusal is None or (refusal.file == FILE and "\n" not in refusal.message)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    told(data)


@given(st.lists(WORDS, max_size=30).map("".join))
def test_any_words_of_the_format_are_read_or_refused(text):
    told(text.encode())
