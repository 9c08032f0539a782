import math
from pathlib import Path

import pytest

from exporter.config.checks import check_files
from exporter.config.loader import parse
from exporter.config.model import Budget, Common, Config, Duration, Refresh, Selection
from exporter.config.ranges import FieldError
from exporter.errors import ConfigError
from tests.config.vendors import MADE_UP


def config(own: str, defaults: str = "{}") -> Config:
    text = f"defaults: {defaults}\naccounts: [{{name: a, platform: crm, {own}}}]"
    return parse(text, file=Path("some.yaml"), options=MADE_UP, environ={})


@pytest.mark.parametrize("key", ["ca_file", "cert_file", "key_file"])
def test_file_that_cannot_be_read_is_told_where_it_is_written(tmp_path, key):
    there, missing = tmp_path / "there.pem", tmp_path / "missing.pem"
    there.write_text("x")
    files = dict.fromkeys(("ca_file", "cert_file", "key_file"), there) | {key: missing}
    tls = f"{{tls_config: {{{', '.join(f'{name}: {file}' for name, file in files.items())}}}}}"

    with pytest.raises(ConfigError) as caught:
        check_files(config("", tls))

    assert str(caught.value) == (
        f"some.yaml: defaults.tls_config.{key}: cannot read {missing}: No such file or directory"
    )


def test_directory_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match=r"accounts\[0\].tls_config.ca_file: .* directory"):
        check_files(config(f"tls_config: {{ca_file: {tmp_path}}}"))


def test_files_that_are_there_are_fine_and_none_is_as_well(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("x")

    check_files(config(f"tls_config: {{ca_file: {file}}}"))
    check_files(config(""))


@pytest.mark.parametrize(
    "url",
    [
        "http://proxy.example.com:3128",
        "https://user:p%40ss@proxy.example.com/",
        "http://[::1]:3128",
        "HTTP://10.0.0.1",
    ],
)
def test_proxy_is_an_http_address(url):
    assert config(f"proxy_url: '{url}'").accounts[0].common.proxy_url.reveal() == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy.example.com",
        "http://",
        "http:///x",
        "http://h/path",
        "http://h?q",
        "http://h#f",
        "ftp://h",
        "http://h:0",
        "http://h:port",
        "http://[::1",
        "http://h h",
        "http://h\\n",
    ],
)
def test_anything_else_is_no_proxy(url):
    with pytest.raises(ConfigError, match="expected http://host:port or https://host:port"):
        config(f'proxy_url: "{url}"')


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC", "America/Argentina/Buenos_Aires"])
def test_zone_of_the_database_is_known(zone):
    assert config(f"timezone: {zone}").accounts[0].common.timezone == zone


@pytest.mark.parametrize("zone", ["''", "Asia", "/etc/localtime", "../x", "UTC+8", "asia shanghai"])
def test_other_zone_is_refused(zone):
    with pytest.raises(ConfigError, match="unknown time zone"):
        config(f"timezone: {zone}")


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: Refresh(active=Duration(0.05)), "active"),
        (lambda: Refresh(detail=Duration(math.inf)), "detail"),
        (lambda: Budget(requests_per_second=math.nan), "requests_per_second"),
        (lambda: Budget(concurrency=101), "concurrency"),
        (lambda: Selection(created_within=Duration(0)), "created_within"),
        (lambda: Common(name="a", platform="crm", timeout=Duration(301)), "timeout"),
    ],
)
def test_value_out_of_its_range_is_refused_in_code_as_in_the_file(build, field):
    with pytest.raises(FieldError, match=f"^{field}: expected ") as caught:
        build()

    assert caught.value.field == field
