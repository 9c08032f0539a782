"""Modules stay under 300 lines, and functions under 40 without their docstring."""

import ast
from collections.abc import Iterator
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
ROOT = Path(__file__).parent.parent
FILES = [file for folder in ("exporter", "tools") for file in sorted((ROOT / folder).rglob("*.py"))]


def too_long(file: Path, root: Path) -> Iterator[str]:
    text, name = file.read_text(encoding="utf-8"), file.relative_to(root)
    if (lines := len(text.splitlines())) >= 300:
        yield f"{name}: {lines} lines, expected under 300"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function) and (lines := length(node)) >= 40:
            yield f"{name}:{node.lineno}: {node.name} has {lines} lines, expected under 40"


def length(function: Function) -> int:
    """Lines from ``def`` to the last one, less those of the docstring."""
    first = function.body[0]
    told = 0 if ast.get_docstring(function) is None else 1 + first.end_lineno - first.lineno
    return 1 + function.end_lineno - function.lineno - told


def test_no_module_and_no_function_is_too_long():
    assert [line for file in FILES for line in too_long(file, ROOT)] == []


def test_a_line_too_many_is_told_and_a_docstring_is_none(tmp_path):
    file = tmp_path / "a.py"
    body = "    x = 1\n" * 38
    file.write_text(f'def short():\n    """Text.\n\n    More.\n    """\n{body}', encoding="utf-8")
    assert list(too_long(file, tmp_path)) == []

    rest = "#\n" * 260
    file.write_text(f"async def long():\n{body}    x = 2\n{rest}", encoding="utf-8")
    assert list(too_long(file, tmp_path)) == [
        "a.py: 300 lines, expected under 300",
        "a.py:1: long has 40 lines, expected under 40",
    ]
