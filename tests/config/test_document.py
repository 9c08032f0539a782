import pytest

from exporter.config.document import read_document
from exporter.errors import ConfigError


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_document(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("-0.25", -0.25),
        ("0", 0),
        ("0123", "0123"),
        ("1e5", "1e5"),
        (".5", ".5"),
        ("5.", "5."),
        ("yes", "yes"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        ("'12'", "12"),
        ('"true"', "true"),
    ],
)
def test_only_plain_words_and_decimal_numbers_are_not_text(text, value):
    document = read_document(f"a: {text}")

    assert document == {"a": value}
    assert type(document["a"]) is type(value)


def test_key_is_text_whatever_it_looks_like():
    assert read_document("null: 1\ntrue: 2\n'a': 3") == {"null": 1, "true": 2, "a": 3}


def test_nothing_is_none():
    assert read_document("") is None
    assert read_document("# a comment\n") is None
    assert read_document("---\n") is None


def test_quotes_do_not_hide_a_duplicate_key():
    assert refusal('a: {b: 1, "b": 2}') == "a.b: duplicate key in line 1, first in line 1"


def test_same_key_in_two_items_of_a_list_is_no_duplicate():
    assert read_document("a: [{b: 1}, {b: 2}]") == {"a": [{"b": 1}, {"b": 2}]}


def test_aliases_that_would_grow_without_bound_are_refused_at_the_first_anchor():
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]" for n in range(1, 30))]

    assert refusal("\n".join(lines)).startswith("a0: YAML anchors and aliases are not supported")


def test_nesting_without_end_is_refused_before_it_is_read():
    assert "nested deeper than 16 levels" in refusal("a: " + "[" * 100_000)


@pytest.mark.parametrize(
    "text",
    [r'"\UFFFFFFFF"', r'"\U00110000"', "%YAML " + "9" * 5000 + ".1\n---\na: 1"],
)
def test_what_the_yaml_library_cannot_read_is_refused_all_the_same(text):
    assert refusal(text) == (
        "not YAML at an unknown place: an escape or a directive without meaning"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: |s\n b", "line 1, column 5: expected chomping or indentation indicators"),
        ('a: "\\s"', "line 1, column 6: found unknown escape character"),
        ("a: %x", "line 1, column 4: found character '%' that cannot start any token"),
        ("a: {s3cr3t", "line 1, column 11: expected ',' or '}', but got '<stream end>'"),
        ("a: !s3cr3t!x b", "line 1, column 4: found undefined tag handle"),
        ("a: b\n c: d", "line 2, column 3: mapping values are not allowed here"),
    ],
)
def test_syntax_error_tells_the_place_and_quotes_nothing_but_punctuation(text, message):
    assert refusal(text) == f"not YAML at {message}"


def test_control_character_tells_its_place():
    assert refusal("a: 1\nb: \x01") == "not YAML at line 2, column 4: a control character"
