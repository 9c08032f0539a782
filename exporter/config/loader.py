"""The configuration file to a ``Config``: read, parse, substitute, merge, convert, check."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from exporter.config.checks import check_together, check_values
from exporter.config.choices import quoted, suggestion, unknown
from exporter.config.content import read_capped, text_of
from exporter.config.conversion import convert
from exporter.config.defaults import COMMON_KEYS, PATH, Defaults, Options, option_keys
from exporter.config.document import Value, join, read_document
from exporter.config.environment import substitute
from exporter.config.merging import merged
from exporter.config.model import Account, Common, Config, written_at
from exporter.config.ranges import FieldError
from exporter.config.secret_files import files_of_environment, secrets_as_text
from exporter.config.wording import found, one_of
from exporter.errors import ConfigError


def load(file: Path, *, options: Options, environ: Mapping[str, str]) -> Config:
    """Read and check a configuration file; blocking, so call it in a thread.

    Args:
        file: The YAML file, at most 1 MiB.
        options: The known platforms, each with the struct of its own account keys.
        environ: Environment variables for ``${NAME}``.

    Raises:
        ConfigError: The file cannot be read or something in it is wrong.
    """
    try:
        text = text_of(read_capped(file))
    except OSError as error:
        raise ConfigError(f"cannot read the file: {error.strerror}", file=file) from None
    except ConfigError as error:
        error.file = file
        raise
    return parse(text, file=file, options=options, environ=environ)


def parse(text: str, *, file: Path, options: Options, environ: Mapping[str, str]) -> Config:
    """The configuration in ``text``; ``file`` is only named in it and in errors.

    Raises:
        ConfigError: Something in the text is wrong.
    """
    try:
        document = read_document(text)
        top = _top(substitute(document, environ))
        defaults = Defaults(_mapping(top.get(PATH, {}), PATH), options)
        accounts = tuple(
            _account(_mapping(own, join("accounts", index)), index, defaults, options)
            for index, own in enumerate(_listed(top))
        )
        _check_names(accounts)
    except ConfigError as error:
        error.file = file
        raise
    return Config(
        accounts,
        file,
        secrets_as_text=secrets_as_text(document, accounts),
        files_of_environment=files_of_environment(accounts, environ),
    )


def _top(document: Value) -> dict[str, Value]:
    if document is None:
        raise ConfigError("the file is empty; expected accounts")
    top = _mapping(document, "")
    known = (PATH, "accounts")
    for key in top:
        if key not in known:
            raise ConfigError(unknown("key", known, name=key), path=key)
    return top


def _mapping(value: Value, path: str) -> dict[str, Value]:
    if not isinstance(value, dict):
        advice = "; leave the key out" if value is None and path == PATH else ""
        raise ConfigError(f"expected a mapping, got {found(value)}{advice}", path=path)
    return value


def _listed(top: dict[str, Value]) -> list[Value]:
    if "accounts" not in top:
        raise ConfigError("missing; expected a list of accounts", path="accounts")
    accounts = top["accounts"]
    if not isinstance(accounts, list):
        raise ConfigError(f"expected a list, got {found(accounts)}", path="accounts")
    if not accounts:
        raise ConfigError("expected at least one account", path="accounts")
    return accounts


def _account(own: dict[str, Value], index: int, defaults: Defaults, options: Options) -> Account:
    path = join("accounts", index)
    platform = _platform(own, path, options)
    vendor = option_keys(options[platform])
    for key in own:
        if key not in COMMON_KEYS and key not in vendor:
            raise ConfigError(_unknown_key(key, platform, options), path=join(path, key))
    values, inherited = merged(defaults.of(platform), own)
    where = partial(written_at, path=path, inherited=inherited)
    shared = {key: value for key, value in values.items() if key in COMMON_KEYS}
    common = convert(shared, Common, where=where)
    try:
        check_values(common)
        check_together(common)
    except FieldError as error:
        raise ConfigError(error.message, path=where(error.field)) from None
    rest = {key: value for key, value in values.items() if key not in COMMON_KEYS}
    return Account(
        common=common,
        options=convert(rest, options[platform], where=where),
        path=path,
        inherited=inherited,
    )


def _platform(own: dict[str, Value], path: str, options: Options) -> str:
    path = join(path, "platform")
    if "platform" not in own:
        raise ConfigError(f"missing; expected {one_of(options)}", path=path)
    platform = own["platform"]
    if not isinstance(platform, str):
        raise ConfigError(f"expected {one_of(options)}, got {found(platform)}", path=path)
    if platform not in options:
        raise ConfigError(
            f"unknown platform {quoted(platform)}; {suggestion(platform, options)}", path=path
        )
    return platform


def _unknown_key(key: str, platform: str, options: Options) -> str:
    for other, kind in options.items():
        if key in option_keys(kind):
            return f"is a key of platform {other}, not of {platform}"
    return unknown("key", [*COMMON_KEYS, *option_keys(options[platform])], name=key)


def _check_names(accounts: tuple[Account, ...]) -> None:
    seen: dict[str, str] = {}
    for account in accounts:
        if account.name in seen:
            message = f"{quoted(account.name)} is the name of {seen[account.name]} already"
            raise ConfigError(message, path=join(account.path, "name"))
        seen[account.name] = account.path
