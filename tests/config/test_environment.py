import pytest

from exporter.config.environment import substitute
from exporter.errors import ConfigError

ENVIRON = {"A": "1", "LONG_name_2": "two", "EMPTY": "", "YAML": "x: y\n- {z", "DOLLAR": "${A}$$"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A}", "1"),
        ("a${A}b${LONG_name_2}c", "a1btwoc"),
        ("${EMPTY}", ""),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$1"),
        ("^a$|b$", "^a$|b$"),
        ("$A $1 $", "$A $1 $"),
        ("${YAML}", "x: y\n- {z"),
        ("${DOLLAR}", "${A}$$"),
    ],
)
def test_reference_is_replaced_once_and_other_dollars_stay(text, result):
    assert substitute(text, ENVIRON) == result


def test_only_texts_are_looked_at_and_keys_are_not():
    document = {"a": [1, 1.5, True, None, {"b": "${A}"}]}

    assert substitute(document, ENVIRON) == {"a": [1, 1.5, True, None, {"b": "1"}]}


@pytest.mark.parametrize("text", ["${", "${}", "${A", "${1A}", "${A B}", "${A:-b}", "${Ä}"])
def test_reference_of_another_form_is_refused(text):
    with pytest.raises(ConfigError, match="expected \\$\\{NAME\\}"):
        substitute(text, ENVIRON)


def test_missing_variable_is_named_with_the_path():
    with pytest.raises(ConfigError) as caught:
        substitute({"a": [{"b": "x ${NOPE}"}]}, ENVIRON)

    assert str(caught.value) == "a[0].b: the environment variable NOPE is not set"


@pytest.mark.parametrize("text", ["\0", "a\udcffb"])
def test_text_that_no_file_name_and_no_request_can_hold_is_refused(text):
    with pytest.raises(ConfigError, match="expected text without NUL and in UTF-8"):
        substitute({"a": "${BAD}"}, {"BAD": text})
