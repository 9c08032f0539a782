"""Whatever stands in the file: a configuration or a ``ConfigError``."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config.document import read_document
from exporter.config.loader import load, parse
from exporter.config.model import Common, Config
from exporter.errors import ConfigError
from exporter.sources import SOURCES
from tests.config.vendors import ENVIRON, MADE_UP

FILE = Path("some.yaml")
OPTIONS = MADE_UP | {platform: kind.options for platform, kind in SOURCES.items()}
KEYS = sorted(
    {
        field.encode_name
        for kind in (Common, *OPTIONS.values())
        for field in msgspec.structs.fields(kind)
    }
    | {"active", "burst", "include", "limit", "ca_file", "type", "id", "text", "hash"}
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["30s", "0", "progress", "${EMPTY}", "$", "${", "http://h", "UTC", "a(", "*"])
    | st.sampled_from(sorted(OPTIONS))
)
VALUES = st.recursive(
    SCALARS,
    lambda items: (
        st.lists(items, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), items, max_size=4)
    ),
    max_leaves=12,
)
GOOD = {
    "pbx": {"host": "h", "login": {"type": "role", "arn": "r"}},
    "crm": {},
    "dezhu": {"base_url": "https://h", "app_id": "a", "private_key": "k"},
    "aliyun": {
        "endpoint": "https://h",
        "credentials": {"type": "access_key", "access_key_id": "i", "access_key_secret": "s"},
    },
}


def outcome(text: str) -> Config | ConfigError:
    return told(lambda: parse(text, file=FILE, options=OPTIONS, environ=ENVIRON), FILE)


def told(read: Callable[[], Config], file: Path) -> Config | ConfigError:
    try:
        return read()
    except ConfigError as error:
        refused = error
    assert refused.file == file
    assert " - at `" not in refused.message
    assert not refused.message.startswith(("Expected", "Object", "Invalid"))
    assert refused.message.isprintable()
    return refused


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"%@`#,? \n\t\\0~$\x00\ud800é")))
def test_any_text_is_refused_with_a_config_error(text):
    assert isinstance(outcome(text), ConfigError)


WHOLE = yaml.safe_dump({"accounts": [{"name": "a", "platform": "crm"}]}).encode()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("configuration") / "config.yaml"


@given(
    st.binary(max_size=100)
    | st.builds(
        lambda place, damage: WHOLE[:place] + damage + WHOLE[place:],
        st.integers(0, len(WHOLE)),
        st.binary(min_size=1, max_size=4),
    )
)
def test_any_bytes_of_a_file_are_a_configuration_or_refused(file, data):
    file.write_bytes(data)

    assert isinstance(
        told(lambda: load(file, options=OPTIONS, environ=ENVIRON), file), Config | ConfigError
    )


@settings(deadline=None)
@given(st.fixed_dictionaries({"accounts": VALUES}, optional={"defaults": VALUES}) | VALUES)
@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
def test_any_document_is_a_configuration_or_refused(document):
    assert isinstance(outcome(msgspec.yaml.encode(document).decode()), Config | ConfigError)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(GOOD)),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=2),
)
@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")
def test_good_account_with_any_change_is_a_configuration_or_refused(platform, change, defaults):
    account = {"name": "a", "platform": platform} | GOOD[platform] | change
    text = yaml.safe_dump({"defaults": defaults, "accounts": [account]}, allow_unicode=True)

    assert isinstance(outcome(text), Config | ConfigError)


@settings(deadline=None)
@given(
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x85"))
    | st.from_regex(r"[-+]?[0-9._eExo:]{1,8}", fullmatch=True)
)
def test_text_that_another_program_wrote_as_yaml_is_read_as_the_same_text(text):
    assert read_document(yaml.safe_dump({"a": text})) == {"a": text}


@settings(deadline=None)
@given(st.text(min_size=6, alphabet=st.characters(codec="utf-8", exclude_characters="\0")))
def test_secret_never_shows_in_what_is_said_of_its_neighbours(secret):
    marked = f"s3cr3t{secret}"
    account = {"name": "a", "platform": "pbx", "token": "${S}", "proxy_url": "${S}", "x": 1}
    text = yaml.safe_dump({"accounts": [account]})

    with pytest.raises(ConfigError) as caught:
        parse(text, file=FILE, options=OPTIONS, environ={"S": marked})

    assert "s3cr3t" not in str(caught.value)
