import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.negotiation import accepts_gzip, wants_openmetrics

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROTOBUF_FIRST = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;"
    "q=0.7," + PROMETHEUS_3
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept",
    [
        PROMETHEUS_2,
        PROMETHEUS_3,
        PROTOBUF_FIRST,
        "application/openmetrics-text",
        'APPLICATION/OpenMetrics-Text; Version="1.0.0" ; Q=0.5',
        "text/plain;q=0, application/openmetrics-text;q=0.001",
        "text/plain;version=0.0.4;q=0.2, text/plain, application/openmetrics-text;q=0.3",
    ],
)
def test_openmetrics_goes_to_who_names_it_and_likes_it_better(accept):
    assert wants_openmetrics(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        BROWSER,
        "application/*",
        "application/json",
        "text/plain, application/openmetrics-text",
        "*/*, application/openmetrics-text",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-text;q=0.4, text/*;q=0.5",
        "application/openmetrics-text;q=nonsense",
        "application/openmetrics-text;q=nan",
        ",;,;q=1,=,q=",
    ],
)
def test_everyone_else_gets_text(accept):
    assert not wants_openmetrics(accept)


@pytest.mark.parametrize(
    "header",
    [
        "gzip",
        "GZip;q=1.0",
        "deflate, gzip;q=0.5",
        "*",
        "x-gzip",
        "identity;q=0",
        "identity;q=0.5, *;q=0.7",
        "gzip;q=.2",
    ],
)
def test_gzip_is_sent_to_who_takes_it(header):
    assert accepts_gzip(header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "identity",
        "deflate, br",
        "gzip;q=0",
        "gzip;q=0.000, *",
        "*;q=0",
        "gzip;q=0, identity;q=0",
        "identity;q=1, gzip;q=0.5",
        "gzip;q=x",
    ],
)
def test_gzip_is_not_sent_to_who_refuses_it_or_likes_plain_better(header):
    assert not accepts_gzip(header)


@given(st.text())
def test_no_header_is_an_error(header):
    assert wants_openmetrics(header) in (True, False)
    assert accepts_gzip(header) in (True, False)


WEIGHTS = st.sampled_from(["0", "0.", "0.0", "0.001", "0.3", ".3", "0.5", "0.999", "1", "1.000"])
SPACES = st.sampled_from(["", " ", "\t"])


def weighted(names):
    """Names each with its weight, all different, and the header that says so in odd spacing."""
    chosen = st.dictionaries(st.sampled_from(names), WEIGHTS, max_size=len(names))

    @st.composite
    def headers(draw):
        weights = draw(chosen)
        parts = []
        for name, weight in draw(st.permutations(list(weights.items()))):
            space, cased = draw(SPACES), draw(st.sampled_from([str.lower, str.upper, str.title]))
            parts.append(f"{space}{cased(name)}{space};{space}q={space}{weight}{space}")
        noise = draw(st.sampled_from(["", ",", ", ,;q=1", ",=", ",nonsense;q=9"]))
        return {name: float(weight) for name, weight in weights.items()}, ",".join(parts) + noise

    return headers()


@given(weighted(["gzip", "identity", "br", "*"]))
def test_gzip_goes_by_the_weights_in_whatever_order_and_spelling(case):
    weights, header = case
    gzip = weights.get("gzip", weights.get("*"))
    if gzip is None:
        expected = weights.get("identity") == 0
    else:
        expected = gzip > 0 and gzip >= weights.get("identity", 0)
    assert accepts_gzip(header) is expected


@given(
    weighted(
        ["application/openmetrics-text", "text/plain", "text/*", "*/*", "text/html", "image/avif"]
    )
)
def test_the_format_goes_by_the_weights_in_whatever_order_and_spelling(case):
    weights, header = case
    plain = next((weights[key] for key in ("text/plain", "text/*", "*/*") if key in weights), 0)
    assert wants_openmetrics(header) is (weights.get("application/openmetrics-text", 0) > plain)
