"""English and Chinese: the same dashboards, and every text in both."""

import re

import pytest

from tests.dashboards.boards import NAMES, board, differences, nodes

# Names of products and of keys stay what they are; a template has no words of its own.
UNTRANSLATED = re.compile(r"CPU|50 %|90 %|99 %")
TEXT_KEYS = {"title", "description", "noValue", "label", "text", "displayName", "tooltip"}


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_are_the_same_dashboard_with_other_words(name):
    english, chinese = board(f"en/{name}.json"), board(f"zh/{name}.json")
    allowed = TEXT_KEYS | {"legendFormat", "name", "uid", "titleFormat", "url", "tags", "query"}

    for path, one, other in differences(english, chinese):
        keys = set(path.split("/"))
        translated = keys & allowed or _names_a_series(path) or _sorts(path)
        assert translated, (path, one, other)
        assert isinstance(one, str), path
        assert isinstance(other, str), path


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_translated(name):
    english = dict(nodes(board(f"en/{name}.json")))
    chinese = dict(nodes(board(f"zh/{name}.json")))

    for path, text in english.items():
        key = path.rpartition("/")[2]
        shown = key in TEXT_KEYS | {"legendFormat"} or _is_display_name(path, english)
        if not shown or not isinstance(text, str) or not _has_words(text):
            continue
        assert chinese[path] != text, path
        assert re.search(r"[\u4e00-\u9fff]", chinese[path]), (path, chinese[path])
        assert not re.search(r"[\u4e00-\u9fff]", text), (path, text)


def _has_words(text: str) -> bool:
    own = re.sub(r"\{\{\w+\}\}|__auto", "", UNTRANSLATED.sub("", text))
    return bool(re.search(r"[A-Za-z]", own))


def _is_display_name(path: str, document: dict) -> bool:
    parent = path.rpartition("/")[0]
    return path.endswith("/value") and document.get(f"{parent}/id") == "displayName"


def _names_a_series(path: str) -> bool:
    """An exception is found by the name of a series, or gives one."""
    return path.endswith(("/matcher/options", "/value"))


def _sorts(path: str) -> bool:
    return bool(re.search(r"/sortBy/\d+/displayName$", path))
