"""``tls_server_config`` to the TLS context of a server. Nothing is written to a disk."""

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Never

import structlog

from exporter.errors import ConfigError
from exporter.webconfig import names
from exporter.webconfig.checks import TLS
from exporter.webconfig.contents import Look, bytes_of
from exporter.webconfig.model import WebConfig

_log = structlog.get_logger()


def tls_context(look: Look) -> ssl.SSLContext | None:
    """The context that a look asks for; None for plain HTTP. Blocking, so call it in a thread.

    Raises:
        ConfigError: A certificate, key, CA, cipher or curve is of no use.
        OSError: This machine has no memory or descriptor for it now.
    """
    config = look.config
    if config is None or not config.tls.configured:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    _choose(context, config)
    _load_certificate(context, look, config)
    _ask_clients(context, look, config)
    return context


def tell_ignored(config: WebConfig) -> None:
    """Log what of a valid file has no effect here."""
    tls, where = config.tls, str(config.file)
    if not tls.configured:
        return
    if tls.min_version in names.OLD_VERSIONS:
        _log.warning("TLS below 1.2 is not offered", file=where, min_version=tls.min_version)
    if len(tls.curve_preferences) > 1:
        _log.warning(
            "only the first of curve_preferences is offered: Python sets no list",
            file=where,
            curve=tls.curve_preferences[0],
        )
    if config.http.http2:
        _log.info("HTTP/2 is not offered; http2 has no effect", file=where)


def _choose(context: ssl.SSLContext, config: WebConfig) -> None:
    tls = config.tls
    chosen = [names.CIPHERS[name] for name in tls.cipher_suites if name in names.CIPHERS]
    lowest = "TLS12" if tls.min_version in names.OLD_VERSIONS else tls.min_version
    # A list of TLS 1.3 alone leaves nothing for TLS 1.2.
    if tls.cipher_suites and not chosen:
        lowest = "TLS13"
    context.minimum_version = names.VERSIONS[lowest]
    context.maximum_version = names.VERSIONS[tls.max_version]
    if chosen:
        _load(
            lambda: context.set_ciphers(":".join(chosen)),
            expected="suites that the OpenSSL of this machine has",
            key="cipher_suites",
            config=config,
        )
    if tls.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.curve_preferences:
        curve = names.CURVES[tls.curve_preferences[0]]
        _load(
            lambda: context.set_ecdh_curve(curve),
            expected="a curve that the OpenSSL of this machine has",
            key="curve_preferences[0]",
            config=config,
        )


def _load_certificate(context: ssl.SSLContext, look: Look, config: WebConfig) -> None:
    cert_key = "cert_file" if config.tls.cert_file else "cert"
    key_key = "key_file" if config.tls.key_file else "key"
    pair = bytes_of(look.cert, cert_key, config), bytes_of(look.key, key_key, config)

    def passphrase() -> Never:
        # Without this OpenSSL would ask for it at the terminal and wait.
        raise ConfigError(
            "the key is encrypted: expected one without a passphrase",
            path=f"{TLS}.{key_key}",
            file=config.file,
        )

    with ExitStack() as stack:
        cert, key = (stack.enter_context(_in_memory(data)) for data in pair)
        _load(
            lambda: context.load_cert_chain(cert, key, password=passphrase),
            expected=f"a certificate, and in {key_key} its key, both PEM",
            key=cert_key,
            config=config,
        )


def _ask_clients(context: ssl.SSLContext, look: Look, config: WebConfig) -> None:
    if not config.tls.asks_clients:
        return
    context.verify_mode = names.CLIENT_AUTH[config.tls.client_auth_type]
    # Like Go, trust whatever stands in the file, an authority below another included.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    ca_key = "client_ca_file" if config.tls.client_ca_file else "client_ca"
    with _in_memory(bytes_of(look.client_ca, ca_key, config)) as file:
        _load(
            lambda: context.load_verify_locations(cafile=file),
            expected="certificates of authorities, PEM",
            key=ca_key,
            config=config,
        )


def _load(load: Callable[[], None], *, expected: str, key: str, config: WebConfig) -> None:
    try:
        load()
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None)
        why = f" ({reason})" if reason else ""
        raise ConfigError(
            f"expected {expected}{why}", path=f"{TLS}.{key}", file=config.file
        ) from None


@contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """A name under which ``data`` can be opened as long as the context lasts; in memory alone."""
    if not hasattr(os, "memfd_create"):
        raise ConfigError("TLS needs Linux: keys are handed to OpenSSL in memory", path=TLS)
    descriptor = os.memfd_create("outbound-exporter")
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        file.write(data)
        yield f"/proc/self/fd/{descriptor}"
