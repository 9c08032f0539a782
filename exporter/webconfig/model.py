"""The web configuration as frozen values, under the names of its file."""

from pathlib import Path

import msgspec

from exporter.secret import Secret


class TlsServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The section ``tls_server_config``; an empty text is not set.

    Of a file and the same inline the file counts, as elsewhere.
    """

    cert: str = ""
    key: Secret = Secret("")
    client_ca: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    client_auth_type: str = ""
    client_allowed_sans: tuple[str, ...] | None = None
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[str, ...] = ()

    @property
    def configured(self) -> bool:
        """Whether TLS is on."""
        return bool(
            self.has_certificate or self.has_key or self.has_client_ca or self.client_auth_type
        )

    @property
    def has_certificate(self) -> bool:
        """Whether there is a certificate, inline or as a file."""
        return bool(self.cert or self.cert_file)

    @property
    def has_key(self) -> bool:
        """Whether there is a key, inline or as a file."""
        return bool(self.key.reveal() or self.key_file)

    @property
    def has_client_ca(self) -> bool:
        """Whether there are authorities for certificates of clients."""
        return bool(self.client_ca or self.client_ca_file)

    @property
    def asks_clients(self) -> bool:
        """Whether clients are asked for a certificate."""
        return self.client_auth_type not in {"", "NoClientCert"}


class HttpServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The section ``http_server_config``."""

    http2: bool = True
    headers: dict[str, str] = {}


class RateLimit(msgspec.Struct, frozen=True):
    """The section ``rate_limit``: a request each ``interval`` seconds, and ``burst`` at once.

    An interval of 0 allows any number.
    """

    interval: float = 0.0
    burst: int = 0


class WebConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file; ``users`` holds the bcrypt hash of each user's password."""

    file: Path
    tls: TlsServer = TlsServer()
    http: HttpServer = HttpServer()
    rate_limit: RateLimit = RateLimit()
    users: dict[str, Secret] = {}

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """The file of the key, and this one if it holds hashes of passwords or a key as text."""
        own = (self.file,) if self.users or self.tls.key.reveal() else ()
        key = self.tls.key_file
        return (*own, self.file.parent / key) if key else own

    @property
    def protections(self) -> frozenset[str]:
        """What keeps strangers out, in words."""
        held = {
            "TLS": self.tls.configured,
            "client certificates": self.tls.asks_clients,
            "authentication": bool(self.users),
        }
        return frozenset(name for name, there in held.items() if there)
