"""Which files hold secrets: those named for the accounts, and the configuration itself."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from exporter.config.document import Value, join
from exporter.config.environment import literal
from exporter.config.model import Account, Config
from exporter.secret import Secret

_FILE: Final = "_file"
_STEP: Final = re.compile(r"[^.\[\]]+")
# Of an address only a password, or what a service is asked with, is a secret.
_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)
_SECRET_ADDRESS: Final = re.compile(r"//[^/@]*:[^/@]+@|\?.", re.DOTALL)


def secret_files(config: Config) -> tuple[Path, ...]:
    """The files of the accounts' secrets and keys; the configuration if it holds one as text."""
    named = [name for account in config.accounts for name in _named(account)]
    own = (config.file,) if config.secrets_as_text else ()
    return (*own, *map(Path, dict.fromkeys((*named, *config.files_of_environment))))


def files_of_environment(
    accounts: Iterable[Account], environ: Mapping[str, str]
) -> tuple[str, ...]:
    """The files with secrets that ``environ`` names and an account reads for that, each once.

    A vendor whose accounts do so has ``files_named_in`` among its options, which gives them.
    """
    named: dict[str, None] = {}
    for account in accounts:
        of_vendor: Callable[[Mapping[str, str]], Iterable[str]] | None
        of_vendor = getattr(account.options, "files_named_in", None)
        if of_vendor is not None:
            named |= dict.fromkeys(of_vendor(environ))
    return tuple(named)


def secrets_as_text(document: Value, accounts: Iterable[Account]) -> tuple[str, ...]:
    """Paths of the keys whose secret stands in the file itself.

    ``document`` is what the file holds, before variables were put in.
    """
    paths = dict.fromkeys(
        account.where(key)
        for account in accounts
        for part in (account.common, account.options)
        for key, value in _values(part, "")
        if isinstance(value, Secret)
    )
    return tuple(path for path in paths if _is_secret(_at(document, path)))


def _named(account: Account) -> Iterator[str]:
    """As with ``defaults``: whatever file a vendor's key names holds a secret."""
    if account.common.tls_config.key_file:
        yield account.common.tls_config.key_file
    for key, value in _values(account.options, ""):
        if key.endswith(_FILE) and value:
            yield str(value)


def _values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            yield from _values(getattr(value, field.name), join(path, field.encode_name))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _values(item, join(path, index))
    else:
        yield path, value


def _at(document: Value, path: str) -> Value:
    value = document
    for step in _STEP.findall(path):
        if isinstance(value, list):
            value = value[int(step)]
        elif isinstance(value, dict):
            value = value.get(step)
    return value


def _is_secret(written: Value) -> bool:
    text = literal(written) if isinstance(written, str) else ""
    if _ADDRESS.match(text):
        return _SECRET_ADDRESS.search(text) is not None
    return bool(text.strip())
