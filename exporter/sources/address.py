"""The address of a vendor, checked once so that what is signed is what is sent."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Address(msgspec.Struct, frozen=True):
    """``host`` is what the header ``Host`` says: lower case, the port only where it is unusual.

    ``path`` has no slash at its end.
    """

    scheme: str
    host: str
    path: str

    @property
    def base(self) -> str:
        """The address as text, to which a path can be appended."""
        return f"{self.scheme}://{self.host}{self.path}"


def parse_address(text: str, *, example: str = "https://host.example.com") -> Address:
    """Check an address from the configuration.

    Args:
        text: The address.
        example: One as the key takes it, for the error.

    Raises:
        ValueError: It is not an http or https URL with nothing but a host, a port and a path.
    """
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("expected a URL of ASCII characters without spaces")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"expected a URL such as {example}") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"expected an http or https URL such as {example}")
    if "?" in text or "#" in text:
        raise ValueError("expected a URL without a query and without a fragment")
    if "@" in parts.netloc:
        raise ValueError("expected a URL without a user name and a password")
    return Address(scheme=parts.scheme, host=_host(parts, port), path=parts.path.rstrip("/"))


def _host(parts: SplitResult, port: int | None) -> str:
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    return host if port in {None, _DEFAULT_PORTS[parts.scheme]} else f"{host}:{port}"
