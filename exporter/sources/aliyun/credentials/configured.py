"""Credentials that stand in the configuration, in files or in the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from exporter.errors import ConfigError
from exporter.secret import Secret, SecretReader
from exporter.sources.aliyun.credential_options import CredentialOptions, is_header_value
from exporter.sources.aliyun.credentials.model import CredentialProvider, Credentials

KEY_ID: Final = "ALIBABA_CLOUD_ACCESS_KEY_ID"
KEY_SECRET: Final = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"  # noqa: S105 - a name
SECURITY_TOKEN: Final = "ALIBABA_CLOUD_SECURITY_TOKEN"  # noqa: S105 - a name


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

    @property
    def expiry(self) -> None:
        """None: if they expire, nobody told when."""
        return None

    async def get(self) -> Credentials:
        """The credentials as they are now.

        Raises:
            ConfigError: A file cannot be read, or what it holds is of no use.
        """
        secret = await self._secret.read()
        if not secret.reveal().strip():
            raise ConfigError("expected a value that is not empty", path=self._secret_path)
        token = await self._token.read() if self._has_token else None
        if token is not None and not is_header_value(token.reveal()):
            raise ConfigError(
                "expected one line of ASCII characters that is not empty", path=self._token_path
            )
        return Credentials(
            access_key_id=self._access_key_id, access_key_secret=secret, security_token=token
        )

    async def renewed(self, refused: Credentials) -> Credentials:  # noqa: ARG002
        """The credentials as they are now: a file may hold others than before.

        Raises:
            ConfigError: A file cannot be read, or what it holds is of no use.
        """
        return await self.get()

    def follow(self, before: CredentialProvider) -> None:
        """Nothing: they are read anew whenever they are asked for."""

    async def check(self) -> None:
        """Read the files.

        Raises:
            ConfigError: A file cannot be read, or what it holds is of no use.
        """
        await self.get()


class EnvironmentCredentials:
    """Credentials of the environment, which is what it was when the program started."""

    def __init__(self, environ: Mapping[str, str], path: str) -> None:
        """``path`` is the key path of ``credentials``."""
        self._environ = environ
        self._path = path

    @property
    def expiry(self) -> None:
        """None: if they expire, nobody told when."""
        return None

    async def get(self) -> Credentials:
        """The credentials.

        Raises:
            ConfigError: A variable is missing or of no use.
        """
        token = self._environ.get(SECURITY_TOKEN)
        return Credentials(
            access_key_id=self._variable(KEY_ID),
            access_key_secret=Secret(self._variable(KEY_SECRET)),
            security_token=Secret(self._variable(SECURITY_TOKEN)) if token else None,
        )

    async def renewed(self, refused: Credentials) -> Credentials:
        """The same: an environment does not change."""
        return refused

    def follow(self, before: CredentialProvider) -> None:
        """Nothing: they are read anew whenever they are asked for."""

    async def check(self) -> None:
        """Look for the variables.

        Raises:
            ConfigError: A variable is missing or of no use.
        """
        await self.get()

    def _variable(self, name: str) -> str:
        text = self._environ.get(name, "")
        if not text.strip():
            raise ConfigError(f"the environment variable {name} is not set", path=self._path)
        if name != KEY_SECRET and not is_header_value(text):
            message = f"expected one line of ASCII characters in the environment variable {name}"
            raise ConfigError(message, path=self._path)
        return text


def _reader(text: Secret | None, file: str | None, *, path: str) -> tuple[SecretReader, str]:
    path = path if file is None else f"{path}_file"
    return SecretReader(text=text, file=None if file is None else Path(file), path=path), path
