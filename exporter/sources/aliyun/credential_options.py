"""The keys below ``credentials``: which there are for each type, and what they must look like."""

import re
from typing import Final

import msgspec

from exporter.secret import Secret
from exporter.sources.address import parse_address

TYPES: Final = (
    *("access_key", "sts", "environment", "oidc", "ecs_ram_role", "credentials_uri", "default"),
)
_EXAMPLE_URI: Final = "http://127.0.0.1:7002/credentials"
_EXAMPLES: Final = {
    "sts_endpoint": "https://sts.aliyuncs.com",
    "metadata_endpoint": "http://100.100.100.200",
}
DEFAULT_SESSION_NAME: Final = "outbound-exporter"
_ROLE_ARN: Final = re.compile(r"acs:ram::[0-9]+:role/[\w.@-]{1,64}", re.ASCII)
_PROVIDER_ARN: Final = re.compile(r"acs:ram::[0-9]+:oidc-provider/[\w.@-]{1,128}", re.ASCII)
_SESSION_NAME: Final = re.compile(r"[\w.@-]{2,64}", re.ASCII)
_SECRET_KEYS: Final = ("access_key_secret", "access_key_secret_file")
_TOKEN_KEYS: Final = ("security_token", "security_token_file")
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "access_key": ("access_key_id", *_SECRET_KEYS),
    "sts": ("access_key_id", *_SECRET_KEYS, *_TOKEN_KEYS),
    "environment": (),
    "oidc": (
        *("role_arn", "role_session_name", "oidc_provider_arn", "oidc_token_file", "sts_endpoint"),
    ),
    "ecs_ram_role": ("role_name", "metadata_endpoint"),
    "credentials_uri": ("uri",),
    "default": ("sts_endpoint", "metadata_endpoint"),
}
"""The keys that each type has, beside ``type`` and ``role``."""


class RoleOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A RAM role that is assumed with other credentials."""

    arn: str
    session_name: str = DEFAULT_SESSION_NAME

    def __post_init__(self) -> None:
        """Check what the types do not say."""
        check_role_arn("arn", self.arn)
        check_session_name("session_name", self.session_name)


class CredentialOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks; each secret as text or as a file, never both.

    Of ``oidc``, ``ecs_ram_role`` and ``credentials_uri`` what is left out comes from the
    environment. ``role`` is assumed with what the type gives.
    """

    type: str
    access_key_id: str = ""
    access_key_secret: Secret | None = None
    access_key_secret_file: str | None = None
    security_token: Secret | None = None
    security_token_file: str | None = None
    role_arn: str = ""
    role_session_name: str = ""
    oidc_provider_arn: str = ""
    oidc_token_file: str | None = None
    role_name: str = ""
    uri: Secret | None = None
    role: RoleOptions | None = None
    sts_endpoint: str = ""
    metadata_endpoint: str = ""

    def __post_init__(self) -> None:
        """Check what the types do not say."""
        if self.type not in _KEYS:
            raise ValueError(f"type: expected one of {', '.join(TYPES)}")
        self._check_keys()
        if self.type in {"access_key", "sts"}:
            self._check_key()
            self._check_token()
        self._check_names()
        for key, example in _EXAMPLES.items():
            _check_endpoint(key, getattr(self, key), example=example)
        if self.uri is not None:
            check_uri("uri", self.uri)

    def _check_keys(self) -> None:
        allowed = {"type", "role", *_KEYS[self.type]}
        if self.role is not None:
            allowed.add("sts_endpoint")
        for key in self.__struct_fields__:
            if key not in allowed and getattr(self, key) not in {None, ""}:
                types = [name for name in TYPES if key in _KEYS[name]]
                without = " without role" if key == "sts_endpoint" else ""
                raise ValueError(
                    f"{key}: is no key of type {self.type}{without}; of {', '.join(types)}"
                )

    def _check_key(self) -> None:
        if not is_plain(self.access_key_id):
            missing = "" if self.access_key_id else "missing; "
            raise ValueError(f"access_key_id: {missing}expected the id of an access key")
        if (self.access_key_secret is None) == (self.access_key_secret_file is None):
            raise ValueError("expected exactly one of access_key_secret and access_key_secret_file")

    def _check_token(self) -> None:
        given = 2 - (self.security_token, self.security_token_file).count(None)
        if self.type == "sts" and given != 1:
            raise ValueError("expected exactly one of security_token and security_token_file")

    def _check_names(self) -> None:
        if self.role_arn:
            check_role_arn("role_arn", self.role_arn)
        if self.role_session_name:
            check_session_name("role_session_name", self.role_session_name)
        if self.oidc_provider_arn:
            check_provider_arn("oidc_provider_arn", self.oidc_provider_arn)
        if self.oidc_token_file is not None and not self.oidc_token_file.strip():
            raise ValueError("oidc_token_file: expected the path of a file")
        if self.role_name:
            check_role_name("role_name", self.role_name)


def check_role_arn(key: str, text: str) -> None:
    """Raise ``ValueError`` for what is no ARN of a RAM role."""
    if not _ROLE_ARN.fullmatch(text):
        raise ValueError(f"{key}: expected the ARN of a RAM role, acs:ram::<account>:role/<name>")


def check_provider_arn(key: str, text: str) -> None:
    """Raise ``ValueError`` for what is no ARN of an OIDC provider."""
    if not _PROVIDER_ARN.fullmatch(text):
        raise ValueError(f"{key}: expected the ARN acs:ram::<account>:oidc-provider/<name>")


def check_session_name(key: str, text: str) -> None:
    """Raise ``ValueError`` for what cannot name a session."""
    if not _SESSION_NAME.fullmatch(text):
        raise ValueError(f"{key}: expected 2 to 64 letters, digits and . @ - _")


def check_role_name(key: str, text: str) -> None:
    """Raise ``ValueError`` for what cannot name a RAM role."""
    if not _SESSION_NAME.fullmatch(text):
        raise ValueError(f"{key}: expected the name of a RAM role")


def check_uri(key: str, uri: Secret) -> None:
    """Raise ``ValueError`` for what is no address that credentials can be asked from."""
    text = uri.reveal()
    address, _, query = text.partition("?")
    try:
        parse_address(address, example=_EXAMPLE_URI)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    if not is_plain(text) or "#" in query:
        raise ValueError(f"{key}: expected a URL of ASCII characters without a fragment")


def is_plain(text: str) -> bool:
    """Tell whether a text can stand in a header without any question of encoding."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def is_header_value(text: str) -> bool:
    """Tell whether a text, which may hold blanks, can stand in a header."""
    return bool(text.strip()) and text.isascii() and text.isprintable()


def _check_endpoint(key: str, text: str, *, example: str) -> None:
    if not text:
        return
    try:
        address = parse_address(text, example=example)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    if address.path:
        raise ValueError(f"{key}: expected a URL without a path")
