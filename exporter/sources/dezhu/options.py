"""The account keys that only a ``dezhu`` account has."""

import re
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from exporter.secret import Secret
from exporter.sources.address import parse_address

_PLACEHOLDERS: Final = ("{app_id}", "{timestamp}")
_PARAMETER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TAKEN_PARAMETERS: Final = frozenset({"query", "taskType", "taskStatus", "skillsetId", "pageSize"})


class SignatureOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed, and how: no page of the vendor proves it, so it can be set."""

    text: str = "{app_id}{timestamp}"
    hash: Literal["sha256", "sha1"] = "sha256"

    def __post_init__(self) -> None:
        """Check the template."""
        rest = self.text
        for placeholder in _PLACEHOLDERS:
            rest = rest.replace(placeholder, "")
        if "{" in rest or "}" in rest:
            raise ValueError("text: expected no placeholder but {app_id} and {timestamp}")
        if "{timestamp}" not in self.text:
            raise ValueError("text: expected {timestamp} in it, else a signature never changes")


class DezhuOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys of a ``dezhu`` account; the private key as text or as a file, never both."""

    origin: ClassVar[frozenset[str]] = frozenset({"base_url", "app_id"})

    base_url: str
    app_id: str
    private_key: Secret | None = None
    private_key_file: str | None = None
    private_key_passphrase: Secret | None = None
    private_key_passphrase_file: str | None = None
    signature: SignatureOptions = SignatureOptions()
    page_size: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    page_parameter: str = "pageNum"

    def __post_init__(self) -> None:
        """Check what the types do not say."""
        try:
            parse_address(self.base_url, example="https://tenant.example.com")
        except ValueError as error:
            raise ValueError(f"base_url: {error}") from None
        if not self.app_id or not (self.app_id.isascii() and self.app_id.isprintable()):
            raise ValueError("app_id: expected the application id, ASCII characters only")
        if self.app_id.strip() != self.app_id:
            raise ValueError("app_id: expected no space around it")
        if (self.private_key is None) == (self.private_key_file is None):
            raise ValueError("expected exactly one of private_key and private_key_file")
        if None not in {self.private_key_passphrase, self.private_key_passphrase_file}:
            raise ValueError(
                "expected at most one of private_key_passphrase and private_key_passphrase_file"
            )
        if not _PARAMETER.fullmatch(self.page_parameter):
            raise ValueError("page_parameter: expected the name of a query parameter")
        if self.page_parameter in _TAKEN_PARAMETERS:
            raise ValueError("page_parameter: the vendor uses this name for something else")
