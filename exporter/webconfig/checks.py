"""What a type cannot say of the web configuration: choices, pairs of keys, hashes, headers."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from exporter.config.choices import quoted, suggestion
from exporter.config.document import join
from exporter.config.wording import one_of
from exporter.errors import ConfigError
from exporter.secret import Secret
from exporter.webconfig import names
from exporter.webconfig.model import TlsServer

TLS: Final = "tls_server_config"
HEADERS: Final = "http_server_config.headers"
USERS: Final = "basic_auth_users"

_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
# The last character of the salt stands for two bits: with another one than these bcrypt would
# raise, and that only when a password is checked.
_HASH: Final = re.compile(
    r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"
)


def check_tls(tls: TlsServer) -> None:
    """Check the keys of ``tls_server_config`` by themselves and together.

    Raises:
        ConfigError: At the first that is of no use, or not to be had with Python.
    """
    _check_client_auth(tls)
    for key in ("min_version", "max_version"):
        _check_choice(key, getattr(tls, key), names.VERSIONS)
    for index, name in enumerate(tls.cipher_suites):
        _check_choice(f"cipher_suites[{index}]", name, (*names.CIPHERS, *names.CIPHERS_13))
    for index, name in enumerate(tls.curve_preferences):
        _check_choice(f"curve_preferences[{index}]", name, names.CURVES)
    _check_versions(tls)
    if tls.configured:
        _check_pair(tls)


def check_headers(headers: Mapping[str, str]) -> None:
    """Check names and values of ``http_server_config.headers``.

    Raises:
        ConfigError: At the first that the format does not have, or that no response can carry.
    """
    for name, value in headers.items():
        if name not in _HEADERS:
            close = suggestion(name, _HEADERS)
            raise ConfigError(f"unknown header {quoted(name)}; {close}", path=HEADERS)
        path = join(HEADERS, name)
        choices = _HEADERS[name]
        if choices and value not in choices:
            raise ConfigError(f"expected {one_of(choices)}", path=path)
        if not _HEADER_VALUE.fullmatch(value):
            raise ConfigError("expected one line of ASCII text", path=path)


def check_users(users: Mapping[str, Secret]) -> None:
    """Check that each user has a hash that bcrypt can check a password against.

    Raises:
        ConfigError: At the first that has not.
    """
    for number, (user, hashed) in enumerate(users.items()):
        # A name is told by its place: a slip of indentation can make a secret the name.
        path = f"{USERS}[{number}]"
        if ":" in user:
            raise ConfigError("expected a user name without a colon", path=path)
        if not _HASH.fullmatch(hashed.reveal()):
            raise ConfigError(
                "expected a bcrypt hash of 60 characters, such as htpasswd -nBC 10 makes"
                " ($2y$10$...)",
                path=path,
            )


def _check_client_auth(tls: TlsServer) -> None:
    kind = tls.client_auth_type
    if kind in names.UNVERIFIED:
        raise _wrong(
            "client_auth_type",
            f"{kind} accepts certificates without verifying them, which Python's ssl cannot:"
            " expected RequireAndVerifyClientCert or VerifyClientCertIfGiven",
        )
    if kind:
        _check_choice("client_auth_type", kind, names.CLIENT_AUTH)
    if tls.asks_clients and not tls.has_client_ca:
        raise _wrong("client_auth_type", f"{kind} needs client_ca_file or client_ca beside it")
    if tls.has_client_ca and not tls.asks_clients:
        key = "client_ca_file" if tls.client_ca_file else "client_ca"
        raise _wrong(key, "expected client_auth_type beside it: no client is asked as it is")
    if tls.client_allowed_sans is not None and kind != "RequireAndVerifyClientCert":
        raise _wrong(
            "client_allowed_sans",
            "expected client_auth_type: RequireAndVerifyClientCert beside it: a client without a"
            " certificate has no name",
        )


def _check_versions(tls: TlsServer) -> None:
    if tls.max_version in names.OLD_VERSIONS:
        raise _wrong("max_version", "expected TLS12 or TLS13: OpenSSL offers nothing below")
    if (tls.min_version, tls.max_version) == ("TLS13", "TLS12"):
        raise _wrong("max_version", "expected no version below min_version")
    suites = set(tls.cipher_suites)
    if tls.max_version == "TLS12" and suites and suites.isdisjoint(names.CIPHERS):
        raise _wrong("cipher_suites", "expected a suite of TLS 1.2, as max_version is TLS12")


def _check_pair(tls: TlsServer) -> None:
    if not tls.has_certificate:
        raise _wrong("cert_file", "missing; expected cert_file or cert, for TLS is configured")
    if not tls.has_key:
        raise _wrong("key_file", "missing; expected key_file or key, for TLS is configured")


def _check_choice(key: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        close = suggestion(value, known)
        raise _wrong(key, f"{quoted(value)} is not among what can be chosen; {close}")


def _wrong(key: str, message: str) -> ConfigError:
    return ConfigError(message, path=join(TLS, key))
