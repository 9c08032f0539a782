from pathlib import Path

import msgspec
import pytest

from exporter.config.content import MAX_SIZE_BYTES
from exporter.config.loader import load, parse
from exporter.config.model import Account, Config, Duration
from exporter.errors import ConfigError
from exporter.secret import Secret
from tests.config.vendors import ENVIRON, MADE_UP, CrmOptions, KeyPair, Queue, Role

FILE = Path("some.yaml")
PBX = {"name": "a", "platform": "pbx", "host": "h", "login": {"type": "role", "arn": "r"}}


def read(*accounts: dict, **defaults: object) -> Config:
    document = {"defaults": defaults, "accounts": list(accounts)}
    text = msgspec.json.encode(document).decode()
    return parse(text, file=FILE, options=MADE_UP, environ=ENVIRON)


def one(*accounts: dict, **defaults: object) -> Account:
    return read(*accounts, **defaults).accounts[0]


def refusal(*accounts: dict, **defaults: object) -> str:
    with pytest.raises(ConfigError) as caught:
        read(*accounts, **defaults)
    assert caught.value.file == FILE
    return str(caught.value).removeprefix("some.yaml: ")


def test_account_has_its_vendors_own_options():
    account = one(
        PBX
        | {
            "login": {"type": "key", "id": "i", "secret": "${PRIVATE_KEY}"},
            "token_file": "/t",
            "queues": [{"id": "q", "weight": 0.5}],
            "pause": "2s",
            "labels": {"x": 1},
        }
    )

    assert account.options.login == KeyPair(id="i", secret=Secret("s3cr3t-key"))
    assert account.options.token_file == Path("/t")
    assert account.options.queues == (Queue(id="q", weight=0.5),)
    assert account.options.pause == Duration(2)
    assert account.options.labels == {"x": 1}


def test_accounts_keep_their_order_and_know_their_path():
    config = read(PBX, {"name": "b", "platform": "crm"})

    assert [account.name for account in config.accounts] == ["a", "b"]
    assert [account.path for account in config.accounts] == ["accounts[0]", "accounts[1]"]
    assert isinstance(config.accounts[1].options, CrmOptions)
    assert config.accounts[0].options.login == Role(arn="r")


def test_mappings_of_defaults_merge_and_lists_are_replaced():
    account = one(
        PBX | {"refresh": {"active": "10s"}, "collect": ["agents"]},
        refresh={"active": "30s", "idle": "2m"},
        collect=["progress", "schedule"],
        timeout="20s",
    )

    assert account.common.refresh.active == 10
    assert account.common.refresh.idle == 120
    assert account.common.refresh.finished == 3600
    assert account.common.collect == ("agents",)
    assert account.common.timeout == 20


def test_null_drops_a_default_where_none_is_a_value():
    defaults = {"proxy_url": "http://proxy.example.com"}

    assert one(PBX, **defaults).common.proxy_url == Secret("http://proxy.example.com")
    assert one(PBX | {"proxy_url": None}, **defaults).common.proxy_url is None


def test_vendor_key_in_defaults_goes_to_each_platform_that_has_it():
    config = read(PBX, {"name": "b", "platform": "crm"}, page_size=30, tenant="t")

    assert [account.options.page_size for account in config.accounts] == [30, 30]
    assert config.accounts[1].options.tenant == "t"


def test_account_tells_where_each_of_its_keys_is_written():
    account = one(
        PBX | {"tls_config": {"server_name": "x"}},
        tls_config={"ca_file": "/ca"},
        refresh={"active": "30s"},
        collect=["progress"],
        page_size=30,
    )

    assert account.where("tls_config.server_name") == "accounts[0].tls_config.server_name"
    assert account.where("tls_config.ca_file") == "defaults.tls_config.ca_file"
    assert account.where("refresh.active") == "defaults.refresh.active"
    assert account.where("collect[0]") == "defaults.collect[0]"
    assert account.where("page_size") == "defaults.page_size"
    assert account.where("host") == "accounts[0].host"
    assert account.where("") == "accounts[0]"


def test_default_that_only_a_vendors_own_check_refuses_is_reported_in_defaults():
    strict = {"strict": StrictOptions}
    text = "defaults: {mode: no}\naccounts: [{name: a, platform: strict}]"

    with pytest.raises(ConfigError) as caught:
        parse(text, file=FILE, options=strict, environ={})

    assert str(caught.value) == "some.yaml: defaults.mode: expected another mode"


class StrictOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mode: str = "yes"

    def __post_init__(self) -> None:
        if self.mode == "no":
            raise ValueError("mode: expected another mode")


def test_default_is_checked_though_every_account_overrides_it():
    assert refusal(PBX | {"timeout": "5s"}, timeout="x").startswith("defaults.timeout: ")
    assert refusal(PBX | {"budget": {"burst": 1}}, budget=3).startswith("defaults.budget: ")
    assert refusal(PBX | {"page_size": 3}, page_size="x").startswith("defaults.page_size: ")


def test_files_of_a_pair_may_come_from_two_places():
    account = one(PBX | {"tls_config": {"key_file": "/k"}}, tls_config={"key_file": "/l"} | CERT)

    assert account.common.tls_config.cert_file == "/c"
    assert account.common.tls_config.key_file == "/k"
    assert one(PBX | {"tls_config": {"key_file": "/k"}}, tls_config=CERT).path == "accounts[0]"


CERT = {"cert_file": "/c"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("host", "h"),
        ("login", {"type": "role", "arn": "r"}),
        ("token", "t"),
        ("token_file", "/t"),
        ("queues", []),
    ],
)
def test_identity_and_secret_of_a_vendor_belong_in_each_account(key, value):
    message = refusal(PBX, **{key: value})

    assert message == f"defaults.{key}: belongs in each account, not in defaults"


def test_vendor_error_has_the_path_of_the_key_it_names_or_of_the_account():
    assert refusal(PBX | {"host": "a/b"}) == "accounts[0].host: expected no slash"
    both = refusal(PBX | {"token": "s3cr3t", "token_file": "/t"})
    assert both == "accounts[0]: expected only one of token and token_file"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"login": {"id": "i"}}, "login.type: missing; expected one of key, role"),
        ({"login": {"type": "rol"}}, "login.type: expected one of key, role; did you mean role?"),
        ({"login": {"type": "x"}}, "login.type: expected one of key, role"),
        ({"login": {"type": 3}}, "login.type: expected one of key, role, got a whole number"),
        ({"login": {"type": "role"}}, "login.arn: missing; expected text"),
        (
            {"login": {"type": "key", "id": "i", "secrt": 1}},
            "login.secrt: unknown key; did you mean secret?",
        ),
        ({"login": 3}, "login: expected a mapping, got a whole number"),
        ({"queues": [{"id": "a"}, {}]}, "queues[1].id: missing; expected text"),
        ({"queues": [{"id": 5}]}, "queues[0].id: expected text, got a whole number"),
        ({"queues": [{"id": "a", "weight": 2}]}, "queues[0].weight: expected a number above 0"),
        ({"page_size": 51}, "page_size: expected a whole number from 1 to 50, got 51"),
        ({"hash": "sha265"}, "hash: expected one of sha1, sha256; did you mean sha256?"),
        ({"mood": "cal"}, "mood: expected one of calm, busy; did you mean calm?"),
        ({"pause": 5}, "pause: expected a duration with its unit, such as 30s"),
        ({"pause": True}, "pause: expected a duration such as 30s, got true or false"),
        ({"token": ["s3cr3t"]}, "token: expected text, got a list"),
        ({"token_file": 5}, "token_file: expected text, got a whole number; put it in quotes"),
        ({"labels": {"x": "y"}}, "labels: expected a whole number under each key"),
    ],
)
def test_value_that_does_not_fit_is_told_in_words_of_our_own(change, message):
    told = refusal(PBX | change)

    assert told.startswith(f"accounts[0].{message}")
    assert "`" not in told
    assert "s3cr3t" not in told


def test_unknown_key_of_defaults_lists_what_may_stand_there():
    message = refusal(PBX, zzz=1)

    assert message.startswith("defaults.zzz: unknown key; known are timeout, stale_after, ")
    assert message.endswith("tls_config, page_size, hash, pause, labels, mood, tenant")


def test_secrets_of_the_configuration_do_not_show():
    config = read(PBX | {"token": "s3cr3t", "proxy_url": "http://u:s3cr3t@h"})

    assert "s3cr3t" not in repr(config)


def test_byte_order_mark_is_accepted(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("\ufeffaccounts: [{name: a, platform: crm}]", "utf-8")

    assert load(file, options=MADE_UP, environ={}).accounts[0].name == "a"


def test_file_that_is_not_there_is_refused(tmp_path):
    file = tmp_path / "config.yaml"

    with pytest.raises(ConfigError) as caught:
        load(file, options=MADE_UP, environ={})

    assert str(caught.value) == f"{file}: cannot read the file: No such file or directory"


def test_directory_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the file: Is a directory"):
        load(tmp_path, options=MADE_UP, environ={})


def test_file_over_one_mebibyte_is_refused_and_one_of_that_size_is_read(tmp_path):
    text = "accounts: [{name: a, platform: crm}]\n"
    file = tmp_path / "config.yaml"

    file.write_text(text + "#" * (MAX_SIZE_BYTES - len(text)))
    assert load(file, options=MADE_UP, environ={}).file == file

    file.write_text(text + "#" * (MAX_SIZE_BYTES - len(text) + 1))
    with pytest.raises(ConfigError, match="expected at most 1 MiB"):
        load(file, options=MADE_UP, environ={})


def test_vendor_type_that_no_text_becomes_is_a_mistake_of_ours():
    class Odd(msgspec.Struct, forbid_unknown_fields=True):
        odd: complex

    text = "accounts: [{name: a, platform: odd, odd: x}]"

    with pytest.raises(NotImplementedError, match="no conversion to complex"):
        parse(text, file=FILE, options={"odd": Odd}, environ={})
