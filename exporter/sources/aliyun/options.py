"""The account keys that only an ``aliyun`` account has."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final

import msgspec

from exporter.sources.address import parse_address
from exporter.sources.aliyun.credential_options import CredentialOptions
from exporter.sources.aliyun.token_file import token_file

_ENDPOINT: Final = "https://outboundbot.cn-shanghai.aliyuncs.com"


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
    # Whoever asks: what was read belongs to its instance, and the first discovery drops instances
    # that are not read any more.
    origin: ClassVar[frozenset[str]] = frozenset({"endpoint", "job_groups"})

    credentials: CredentialOptions
    endpoint: str = _ENDPOINT
    instances: tuple[str, ...] = ()
    job_groups: tuple[JobGroupOptions, ...] = ()
    page_size: Annotated[int, msgspec.Meta(ge=1, le=100)] = 100

    def __post_init__(self) -> None:
        """Check what the types do not say."""
        try:
            address = parse_address(self.endpoint, example=_ENDPOINT)
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

    def files_named_in(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Files with secrets that are read because the environment names them."""
        named = token_file(self.credentials, environ)
        return (named,) if named else ()


def _refuse_repeated(key: str, entries: Sequence[object]) -> None:
    if len(set(entries)) < len(entries):
        raise ValueError(f"{key}: expected each entry once")
