"""The account keys that only an ``aliyun`` account has."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final

import msgspec

from exporter.secret import Secret
from exporter.sources.address import parse_address

_TYPES: Final = ("access_key", "sts")
_LATER_TYPES: Final = ("environment", "oidc", "ecs_ram_role", "credentials_uri", "default")
_LATER_KEYS: Final = ("role", "sts_endpoint", "metadata_endpoint")


class CredentialOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks; each secret as text or as a file, never both.

    ``role``, ``sts_endpoint`` and ``metadata_endpoint`` are known only to be refused by name.
    """

    type: str
    access_key_id: str = ""
    access_key_secret: Secret | None = None
    access_key_secret_file: str | None = None
    security_token: Secret | None = None
    security_token_file: str | None = None
    role: Any = None
    sts_endpoint: Any = None
    metadata_endpoint: Any = None

    def __post_init__(self) -> None:
        """Check what the types do not say."""
        if self.type in _LATER_TYPES:
            raise ValueError(
                f"type: {self.type} is not in this version; expected access_key or sts"
            )
        if self.type not in _TYPES:
            raise ValueError("type: expected access_key or sts")
        for key in _LATER_KEYS:
            if getattr(self, key) is not None:
                raise ValueError(f"{key}: not in this version")
        if not _is_plain(self.access_key_id):
            raise ValueError("access_key_id: expected the id of an access key")
        if (self.access_key_secret is None) == (self.access_key_secret_file is None):
            raise ValueError("expected exactly one of access_key_secret and access_key_secret_file")
        self._check_token()

    def _check_token(self) -> None:
        given = 2 - (self.security_token, self.security_token_file).count(None)
        if self.type == "sts" and given != 1:
            raise ValueError("expected exactly one of security_token and security_token_file")
        if self.type == "access_key" and given:
            raise ValueError("expected no security_token without type: sts")


class JobGroupOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One job group that is read without listing."""

    instance_id: str
    job_group_id: str

    def __post_init__(self) -> None:
        """Check what the types do not say."""
        if not self.instance_id.strip() or not self.job_group_id.strip():
            raise ValueError("expected an instance_id and a job_group_id that are not empty")


class AliyunOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys of an ``aliyun`` account.

    ``instances`` empty: discovered. ``job_groups`` not empty: only these are read.
    """

    identity: ClassVar[frozenset[str]] = frozenset({"instances", "job_groups"})

    credentials: CredentialOptions
    endpoint: str = "https://outboundbot.cn-shanghai.aliyuncs.com"
    instances: tuple[str, ...] = ()
    job_groups: tuple[JobGroupOptions, ...] = ()
    page_size: Annotated[int, msgspec.Meta(ge=1, le=100)] = 100

    def __post_init__(self) -> None:
        """Check what the types do not say."""
        try:
            address = parse_address(self.endpoint)
        except ValueError as error:
            raise ValueError(f"endpoint: {error}") from None
        if address.path:
            raise ValueError("endpoint: expected a URL without a path")
        if not all(instance.strip() for instance in self.instances):
            raise ValueError("instances: expected ids that are not empty")
        if self.instances and self.job_groups:
            raise ValueError("expected at most one of instances and job_groups")
        for key in ("instances", "job_groups"):
            _refuse_repeated(key, getattr(self, key))


def _refuse_repeated(key: str, entries: Sequence[object]) -> None:
    if len(set(entries)) < len(entries):
        raise ValueError(f"{key}: expected each entry once")


def _is_plain(text: str) -> bool:
    """Tell whether a text can stand in a header without any question of encoding."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
