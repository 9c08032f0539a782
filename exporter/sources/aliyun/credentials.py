"""Where the client gets its credentials from; asked before every call."""

from pathlib import Path
from typing import Protocol

import msgspec

from exporter.errors import ConfigError
from exporter.secret import Secret, SecretReader
from exporter.sources.aliyun.options import CredentialOptions


class Credentials(msgspec.Struct, frozen=True):
    """An access key; ``security_token`` is None for one that is not temporary."""

    access_key_id: str
    access_key_secret: Secret
    security_token: Secret | None = None


class CredentialProvider(Protocol):
    """Gives the credentials that are valid now."""

    async def get(self) -> Credentials:
        """The credentials.

        Raises:
            ConfigError: They are to be had only when a person mends something.
        """
        ...


class ConfiguredCredentials:
    """Credentials that stand in the configuration or in files, which are read when they change."""

    def __init__(self, options: CredentialOptions, path: str) -> None:
        """``path`` is the key path of ``credentials``, such as ``accounts[0].credentials``."""
        self._access_key_id = options.access_key_id
        self._secret, self._secret_path = _reader(
            options.access_key_secret,
            options.access_key_secret_file,
            path=f"{path}.access_key_secret",
        )
        self._token, self._token_path = _reader(
            options.security_token, options.security_token_file, path=f"{path}.security_token"
        )
        self._has_token = options.type == "sts"

    async def get(self) -> Credentials:
        """The credentials as they are now.

        Raises:
            ConfigError: A file cannot be read, or what it holds is of no use.
        """
        secret = await self._secret.read()
        if not secret.reveal().strip():
            raise ConfigError("expected a value that is not empty", path=self._secret_path)
        token = await self._token.read() if self._has_token else None
        if token is not None and not _is_header_value(token):
            raise ConfigError(
                "expected one line of ASCII characters that is not empty", path=self._token_path
            )
        return Credentials(
            access_key_id=self._access_key_id, access_key_secret=secret, security_token=token
        )


def _reader(text: Secret | None, file: str | None, *, path: str) -> tuple[SecretReader, str]:
    path = path if file is None else f"{path}_file"
    return SecretReader(text=text, file=None if file is None else Path(file), path=path), path


def _is_header_value(secret: Secret) -> bool:
    text = secret.reveal()
    return bool(text.strip()) and text.isascii() and text.isprintable()
