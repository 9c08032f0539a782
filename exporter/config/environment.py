"""``${NAME}`` in the strings of a document, after YAML was parsed: a value cannot bring YAML in."""

import re
from collections.abc import Mapping
from typing import Final

from exporter.config.document import Value, join
from exporter.errors import ConfigError

_REFERENCE: Final = re.compile(r"\$(?:\$|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<open>\{))")

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def substitute(value: Value, environ: Mapping[str, str], *, path: str = "") -> Value:
    """The same document with variables in place; ``$$`` is a dollar.

    A ``$`` before anything but ``{`` or ``$`` is itself, so regular expressions need no care.

    Raises:
        ConfigError: A variable is missing, a reference is not closed, or a text holds characters
            that no file name and no request can hold.
    """
    if isinstance(value, dict):
        return {key: substitute(item, environ, path=join(path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [
            substitute(item, environ, path=join(path, index)) for index, item in enumerate(value)
        ]
    return _text(value, environ, path) if isinstance(value, str) else value


def literal(text: str) -> str:
    """What of a text stands in the file itself: without what comes from variables."""
    return _REFERENCE.sub(lambda match: "" if match["name"] else "$", text)


def _text(text: str, environ: Mapping[str, str], path: str) -> str:
    def replacement(match: re.Match[str]) -> str:
        if match["open"]:
            raise ConfigError(
                "expected ${NAME} with a name of letters, digits and _; $$ is a dollar", path=path
            )
        name = match["name"]
        if name is None:
            return "$"
        if name not in environ:
            raise ConfigError(f"the environment variable {name} is not set", path=path)
        return environ[name]

    result = _REFERENCE.sub(replacement, text)
    # Lone surrogates come from escapes such as "\ud800" and from variables that are not UTF-8.
    if "\0" in result or _LONE_SURROGATE.search(result):
        raise ConfigError("expected text without NUL and in UTF-8", path=path)
    return result
