"""Files with secrets that others may read are told, one line each, and nothing else is."""

import os
from pathlib import Path

import pytest
import yaml
from structlog.testing import capture_logs

from exporter.config.loader import load
from exporter.config.secret_files import secret_files
from exporter.permissions import warn_of_open_files
from exporter.secret import Secret
from exporter.sources import SOURCES
from exporter.webconfig.model import TlsServer, WebConfig

OPTIONS = {name: kind.options for name, kind in SOURCES.items()}
KEY = {"access_key_id": "id", "access_key_secret_file": "ak"}
ENVIRON = {"SECRET": "s3cr3t", "PROXY": "http://user:s3cr3t@host:1"}


def warned(*files: Path) -> list[str]:
    with capture_logs() as lines:
        warn_of_open_files(files)
    assert {line["log_level"] for line in lines} <= {"warning"}
    return [f"{Path(line['file']).name} {line['mode']}" for line in lines]


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "secret"
    file.write_text("s3cr3t", encoding="utf-8")
    return file


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o601, 0o666, 0o777])
def test_a_file_that_others_have_any_right_to_is_told(file, mode):
    file.chmod(mode)

    assert warned(file) == [f"secret {mode:04o}"]


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o660, 0o440, 0o770])
def test_owner_and_group_may_do_as_they_like(file, mode):
    file.chmod(mode)

    assert warned(file) == []


def test_a_link_counts_as_what_it_leads_to(file):
    link = file.with_name("link")
    link.symlink_to(file)

    file.chmod(0o600)
    assert warned(link) == []
    file.chmod(0o644)
    assert warned(link) == ["link 0644"]


def test_a_file_is_told_once_and_one_that_is_absent_not_at_all(file):
    file.chmod(0o644)

    assert warned(file, file, file.with_name("absent"), file.parent) == ["secret 0644"]


def mounted(folder: Path) -> Path:
    """A secret as Kubernetes mounts it."""
    data = folder / "..2026_01_31_12_00_00.123456789"
    data.mkdir()
    (data / "key").write_text("s3cr3t", encoding="utf-8")
    (data / "key").chmod(0o644)
    (folder / "..data").symlink_to(data.name)
    (folder / "key").symlink_to("..data/key")
    return folder / "key"


def test_a_volume_of_kubernetes_is_no_alarm(tmp_path):
    assert warned(mounted(tmp_path)) == []


def test_a_volume_of_kubernetes_that_is_mounted_by_its_sub_path_is_one(tmp_path):
    copy = tmp_path / "copy"
    os.link(mounted(tmp_path).resolve(), copy)

    assert warned(copy) == ["copy 0644"]


# Which files


def config(folder: Path, *accounts: dict, environ: dict[str, str] = ENVIRON, **defaults: object):
    file = folder / "config.yaml"
    named = [{"name": str(number), **account} for number, account in enumerate(accounts)]
    text = yaml.safe_dump({"defaults": defaults, "accounts": named})
    file.write_text(text, encoding="utf-8")
    return load(file, options=OPTIONS, environ=environ)


def files_of(folder: Path, *accounts: dict, **defaults: object) -> list[str]:
    return [file.name for file in secret_files(config(folder, *accounts, **defaults))]


def bots(credentials: dict, **more: object) -> dict:
    return {"platform": "aliyun", "credentials": credentials, **more}


def dezhu(**keys: object) -> dict:
    return {"platform": "dezhu", "base_url": "https://host", "app_id": "a", **keys}


def test_every_file_of_a_secret_and_every_key_is_looked_at(tmp_path):
    found = files_of(
        tmp_path,
        dezhu(private_key_file="pem", private_key_passphrase_file="passphrase"),
        bots({"type": "sts", **KEY, "security_token_file": "token"}),
        bots(
            {"type": "oidc", "oidc_token_file": "oidc"},
            tls_config={"ca_file": "ca", "cert_file": "cert", "key_file": "key"},
        ),
    )

    assert sorted(found) == ["ak", "key", "oidc", "passphrase", "pem", "token"]


OIDC = {
    "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1:role/a",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/a",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/run/token",
}
ACCESS_KEY = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "i", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s3cr3t"}


@pytest.mark.parametrize(
    ("credentials", "environ", "names"),
    [
        ({"type": "oidc"}, OIDC, ["/run/token"]),
        ({"type": "oidc"}, {**OIDC, **ACCESS_KEY}, ["/run/token"]),
        (
            {"type": "oidc"},
            OIDC | {"ALIBABA_CLOUD_OIDC_TOKEN_FILE": " /run/token\n"},
            ["/run/token"],
        ),
        ({"type": "oidc", "oidc_token_file": "/run/mine"}, OIDC, ["/run/mine"]),
        ({"type": "oidc"}, {}, []),
        ({"type": "default"}, OIDC, ["/run/token"]),
        ({"type": "default"}, {**OIDC, **ACCESS_KEY}, []),
        ({"type": "default"}, OIDC | {"ALIBABA_CLOUD_ROLE_ARN": ""}, []),
        ({"type": "environment"}, {**OIDC, **ACCESS_KEY}, []),
    ],
)
def test_a_token_that_the_environment_names_is_looked_at_where_it_is_used(
    tmp_path, credentials, environ, names
):
    accounts = (bots({**credentials}), bots({**credentials}))
    found = config(tmp_path, *accounts, environ=environ)

    assert [str(file) for file in secret_files(found)] == names


def with_secret(text: str) -> dict:
    return bots({"type": "access_key", "access_key_id": "i", "access_key_secret": text})


HELD = {
    "a secret": (with_secret("s3cr3t"), True),
    "a part of a secret": (with_secret("s3cr3t-${SECRET}"), True),
    "a dollar": (with_secret("$$"), True),
    "a variable": (with_secret("${SECRET}"), False),
    "a file": (bots({"type": "access_key", **KEY}), False),
    "a private key": (dezhu(private_key="PEM"), True),
    "a passphrase": (dezhu(private_key_file="a", private_key_passphrase="b"), True),
    "a proxy": (dezhu(private_key_file="a", proxy_url="http://host:1"), False),
    "a user of a proxy": (dezhu(private_key_file="a", proxy_url="http://user@host:1"), False),
    "a password of a proxy": (dezhu(private_key_file="a", proxy_url="http://u:p@host"), True),
    "one from a variable": (dezhu(private_key_file="a", proxy_url="http://u:${SECRET}@h"), False),
    "a whole proxy": (dezhu(private_key_file="a", proxy_url="${PROXY}"), False),
    "a service": (bots({"type": "credentials_uri", "uri": "http://127.0.0.1/a"}), False),
    "what it is asked with": (bots({"type": "credentials_uri", "uri": "http://h/?a=b"}), True),
}


@pytest.mark.parametrize(("account", "held"), HELD.values(), ids=HELD)
def test_the_configuration_is_looked_at_if_it_holds_a_secret_as_text(tmp_path, account, held):
    assert ("config.yaml" in files_of(tmp_path, account)) is held


def test_a_secret_in_the_defaults_counts_where_it_stands(tmp_path):
    account = bots({"type": "access_key", **KEY})
    other = bots({"type": "access_key", **KEY})
    found = config(tmp_path, account, other, proxy_url="http://user:s3cr3t@host:1")

    assert found.secrets_as_text == ("defaults.proxy_url",)


WEB = Path("/etc/web.yml")


@pytest.mark.parametrize(
    ("web", "names"),
    [
        (WebConfig(file=WEB), []),
        (WebConfig(file=WEB, users={"a": Secret("hash")}), ["/etc/web.yml"]),
        (WebConfig(file=WEB, tls=TlsServer(cert="a", key=Secret("b"))), ["/etc/web.yml"]),
        (WebConfig(file=WEB, tls=TlsServer(cert_file="a", key_file="b")), ["/etc/b"]),
        (WebConfig(file=WEB, tls=TlsServer(cert_file="/a", key_file="/b")), ["/b"]),
    ],
)
def test_a_web_configuration_is_looked_at_if_it_holds_hashes_or_a_key(web, names):
    assert [str(file) for file in web.secret_files] == names


def test_the_advice_says_what_to_do(file):
    file.chmod(0o644)
    with capture_logs() as lines:
        warn_of_open_files([file])

    assert lines[0]["advice"] == f"chmod o= {file}"
