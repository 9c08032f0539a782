"""The provider that an account's ``credentials`` describe."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from exporter.errors import ConfigError
from exporter.secret import Secret, SecretReader
from exporter.sources.aliyun.client import Client
from exporter.sources.aliyun.credential_options import (
    DEFAULT_SESSION_NAME,
    CredentialOptions,
    check_provider_arn,
    check_role_arn,
    check_role_name,
    check_session_name,
    check_uri,
)
from exporter.sources.aliyun.credentials.chain import FirstService, Link
from exporter.sources.aliyun.credentials.configured import (
    KEY_ID,
    KEY_SECRET,
    ConfiguredCredentials,
    EnvironmentCredentials,
)
from exporter.sources.aliyun.credentials.metadata import (
    DISABLED,
    METADATA_ENDPOINT,
    ROLE_NAME,
    MetadataService,
)
from exporter.sources.aliyun.credentials.model import CredentialProvider, CredentialService, Tools
from exporter.sources.aliyun.credentials.refreshing import RefreshingCredentials
from exporter.sources.aliyun.credentials.sts import (
    ASSUME_ROLE,
    ASSUME_ROLE_WITH_OIDC,
    STS_VERSION,
    Identity,
    OidcService,
    RoleService,
    sts_endpoint,
)
from exporter.sources.aliyun.credentials.uri import URI, UriService
from exporter.transport import Direct, Transport

ROLE_ARN: Final = "ALIBABA_CLOUD_ROLE_ARN"
PROVIDER_ARN: Final = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"
TOKEN_FILE: Final = "ALIBABA_CLOUD_OIDC_TOKEN_FILE"  # noqa: S105 - a name
SESSION_NAME: Final = "ALIBABA_CLOUD_ROLE_SESSION_NAME"
_OIDC: Final = (ROLE_ARN, PROVIDER_ARN, TOKEN_FILE)


class Ways(msgspec.Struct, frozen=True):
    """How services are reached; ``sts`` counts in the budget, ``direct`` does not."""

    sts: Transport
    direct: Direct
    nonce: Callable[[], str]


def operations_of(options: CredentialOptions) -> tuple[str, ...]:
    """The actions of STS that the credentials may take."""
    oidc = (ASSUME_ROLE_WITH_OIDC,) if options.type in {"oidc", "default"} else ()
    return oidc if options.role is None else (*oidc, ASSUME_ROLE)


class Factory:
    """Makes the provider of one account."""

    def __init__(self, options: CredentialOptions, *, path: str, tools: Tools, ways: Ways) -> None:
        """``path`` is the key path of ``credentials``."""
        self._options = options
        self._path = path
        self._tools = tools
        self._ways = ways

    def provider(self) -> CredentialProvider:
        """The provider.

        Raises:
            ConfigError: A variable of the environment is missing or of no use.
        """
        base = self._base()
        if self._options.role is None:
            return base
        client = Client(
            self._sts(),
            credentials=base,
            transport=self._ways.sts,
            clock=self._tools.clock,
            nonce=self._ways.nonce,
            version=STS_VERSION,
        )
        return self._refreshing(RoleService(self._options.role, client=client, base=base))

    def _base(self) -> CredentialProvider:
        kind = self._options.type
        if kind in {"access_key", "sts"}:
            return ConfiguredCredentials(self._options, self._path)
        if kind == "environment":
            return EnvironmentCredentials(self._tools.environ, self._path)
        if kind == "default":
            return self._default()
        if kind == "oidc":
            return self._refreshing(self._oidc())
        return self._refreshing(self._metadata() if kind == "ecs_ram_role" else self._uri())

    def _default(self) -> CredentialProvider:
        """The environment decides on the first two by itself; of the others one has to be asked."""
        environ = self._tools.environ
        missing = next((name for name in (KEY_ID, KEY_SECRET) if not environ.get(name)), None)
        if missing is None:
            return EnvironmentCredentials(environ, self._path)
        absent = next((name for name in _OIDC if not environ.get(name)), None)
        if absent is None:
            return self._refreshing(self._oidc())
        off = environ.get(DISABLED, "").lower() == "true"
        links = (
            Link("environment", None, f"{missing} is not set"),
            Link("oidc", None, f"{absent} is not set"),
            Link("ecs_ram_role", None if off else self._metadata(), f"{DISABLED} is true"),
            Link("credentials_uri", self._uri() if environ.get(URI) else None, f"{URI} is not set"),
        )
        return self._refreshing(FirstService(links, path=self._path))

    def _refreshing(self, service: CredentialService) -> RefreshingCredentials:
        return RefreshingCredentials(service, self._tools)

    def _oidc(self) -> OidcService:
        options, environ = self._options, self._tools.environ
        role_arn = self._text("role_arn", ROLE_ARN, check_role_arn)
        provider_arn = self._text("oidc_provider_arn", PROVIDER_ARN, check_provider_arn)
        file = options.oidc_token_file or self._variable("oidc_token_file", TOKEN_FILE)
        session = options.role_session_name or environ.get(SESSION_NAME) or DEFAULT_SESSION_NAME
        self._checked("role_session_name", SESSION_NAME, session, check_session_name)
        path = f"{self._path}.oidc_token_file"
        return OidcService(
            Identity(role_arn, provider_arn, session),
            token=SecretReader(text=None, file=Path(file), path=path),
            endpoint=self._sts(),
            transport=self._ways.sts,
            clock=self._tools.clock,
        )

    def _metadata(self) -> MetadataService:
        name = self._options.role_name or self._tools.environ.get(ROLE_NAME, "")
        if name:
            self._checked("role_name", ROLE_NAME, name, check_role_name)
        endpoint = self._options.metadata_endpoint or METADATA_ENDPOINT
        return MetadataService(endpoint, role_name=name, direct=self._ways.direct)

    def _uri(self) -> UriService:
        uri = self._options.uri or Secret(self._variable("uri", URI))
        try:
            check_uri("uri", uri)
        except ValueError as error:
            raise self._unusable("uri", URI, error) from None
        return UriService(uri, direct=self._ways.direct)

    def _sts(self) -> str:
        return sts_endpoint(self._options.sts_endpoint, self._tools.environ, path=self._path)

    def _text(self, key: str, variable: str, check: Callable[[str, str], None]) -> str:
        text: str = getattr(self._options, key) or self._variable(key, variable)
        self._checked(key, variable, text, check)
        return text

    def _variable(self, key: str, variable: str) -> str:
        text = self._tools.environ.get(variable, "").strip()
        if not text:
            raise ConfigError(
                f"missing, and the environment variable {variable} is not set",
                path=f"{self._path}.{key}",
            )
        return text

    def _checked(
        self, key: str, variable: str, text: str, check: Callable[[str, str], None]
    ) -> None:
        try:
            check(key, text)
        except ValueError as error:
            raise self._unusable(key, variable, error) from None

    def _unusable(self, key: str, variable: str, error: ValueError) -> ConfigError:
        told = str(error).removeprefix(f"{key}: ")
        return ConfigError(
            f"{told} in the environment variable {variable}", path=f"{self._path}.{key}"
        )
